#pragma once
// The configuration as culvertd reads it from files: at its start and at each reload.

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
};

// The file and strongswan.conf's settings, typed; without `config_wanted` the settings alone. An
// Error if any of it is wrong.
Result<Configured> read_configuration(const Options& options, bool config_wanted);

// At the start. A wrong file stops us only when it was asked for by name; else what is right in it
// is used, and VICI can still bring the rest.
Result<Configured> configure(const Options& options, Log& log);

plane::PlaneSettings plane_settings(const Options& options, const Configured& configured);

}  // namespace culvert::daemon
