#pragma once
// The way to the daemon: a blocking Unix socket.

#include <memory>
#include <string_view>

#include "base/error.hpp"
#include "vici/client.hpp"

namespace culvert::cli {

// Empty `uri`: the two places where the daemon may listen, its own first. not_found: nobody
// listens; permission: we may not; the remedy says what to do.
Result<std::unique_ptr<vici::ByteStream>> open_daemon(std::string_view uri);

}  // namespace culvert::cli
