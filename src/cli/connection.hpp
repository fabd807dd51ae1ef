#pragma once
// The way to the daemon: a blocking Unix socket.

#include <chrono>
#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "vici/client.hpp"

namespace culvert::cli {

// Empty `uri`: the two places where the daemon may listen, its own first. not_found: nobody
// listens; permission: we may not; the remedy says what to do.
Result<std::unique_ptr<vici::ByteStream>> open_daemon(std::string_view uri);
// The same for who cannot wait for ever: no single read or write takes longer; then it fails.
Result<std::unique_ptr<vici::ByteStream>> open_daemon_within(std::string_view uri,
                                                             std::chrono::seconds patience);

}  // namespace culvert::cli
