#pragma once
// What the log says when the configuration has been read.

#include "config/config.hpp"
#include "daemon/config_store.hpp"
#include "daemon/log.hpp"

namespace culvert::daemon {

// Warnings and hints; errors are whoever's who does not take the configuration.
void log_problems(Log& log, const config::Problems& problems);

// The store keeps the ports of the start.
void warn_of_ports(Log& log, const ike::EngineSettings& wanted, const ike::EngineSettings& used);

// A reload takes away what is gone from the file, and leaves what came by VICI.
void tell_of_vici(Log& log, const ConfigStore& store);

}  // namespace culvert::daemon
