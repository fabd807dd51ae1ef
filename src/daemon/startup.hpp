#pragma once
// The way from a command line to a running process: into the background, telling the starter.

#include <chrono>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {

// Goes into the background in two steps, so that whoever started us learns how it went:
// the first process waits for ready() or for our end and exits with 0 or our status.
class Background {
 public:
    // Must run before any thread. Nothing happens with `foreground`.
    static Result<Background> enter(bool foreground);
    // Started: lets the first process end, lets go of the terminal, tells the service manager.
    void ready();

 private:
    plane::FileDescriptor pipe_;
    bool background_ = false;
};

// How often the service manager wants to hear that we live ($WATCHDOG_USEC, for this process):
// half of what it allows; nothing where it does not ask.
std::optional<std::chrono::microseconds> watchdog_interval();

// sd_notify's protocol, without its library: one datagram to $NOTIFY_SOCKET, if there is one.
void notify_service_manager(std::string_view state);

}  // namespace culvert::daemon
