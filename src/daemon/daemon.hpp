#pragma once
// culvertd: everything put together.

#include "daemon/options.hpp"

namespace culvert::daemon {

// Runs until SIGTERM or SIGINT. The exit status: 0, or 1 after one message on standard error.
int run(const Options& options);

}  // namespace culvert::daemon
