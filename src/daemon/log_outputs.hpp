#pragma once
// strongswan.conf's filelog, syslog and journal as outputs of our log.

#include "config/config.hpp"
#include "daemon/log.hpp"

namespace culvert::daemon {

// strongSwan's levels -1, 0, 1, 2, 3 and its 19 groups become ours: nothing, warn, info, debug,
// trace. It tells of each exchange on level 1 (of enc and net), we on debug.
LogSpec spec_of(const config::LogOutput& output);

// Replaces those of an earlier call. What cannot be opened is told, and left out.
void use_outputs(Log& log, const std::vector<config::LogOutput>& outputs);

}  // namespace culvert::daemon
