#pragma once
// The configuration as culvertd reads it from files: at its start and at each reload.

#include <set>
#include <string>

#include "base/error.hpp"
#include "config/config.hpp"
#include "daemon/log.hpp"
#include "daemon/options.hpp"
#include "plane/plane.hpp"

namespace culvert::daemon {

struct Configured {
    ike::Config config;
    config::DaemonSettings daemon;
    config::Problems problems;
    std::set<std::string> usable;  // files and tokens (config::Loaded)
    std::string left_out{};        // why not all of it is in use; empty: all is
};

// The file and strongswan.conf's settings, typed; without `config_wanted` the settings alone. An
// Error if any of it is wrong, or if a file or token cannot be used any more that could be before.
Result<Configured> read_configuration(const Options& options, bool config_wanted,
                                      const std::set<std::string>& usable_before = {});

// At the start. A wrong file stops us only when it was asked for by name; else what is right in it
// is used, and VICI can still bring the rest.
Result<Configured> configure(const Options& options, Log& log);

plane::PlaneSettings plane_settings(const Options& options, const Configured& configured);

}  // namespace culvert::daemon
