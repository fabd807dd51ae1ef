#pragma once
// Where a VICI daemon listens: "unix:///run/charon.vici" (also a plain path),
// "tcp://127.0.0.1:4502", "tcp://[::1]:4502".

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/ip.hpp"

namespace culvert::vici {

struct Uri {
    std::string path;   // of the Unix socket; empty: TCP
    Endpoint endpoint;  // of TCP; an address, never a name

    // ErrorCode::config on anything else.
    static Result<Uri> parse(std::string_view text);
    std::string to_string() const;
};

// Where tools look, and the first choice of the daemon.
constexpr std::string_view default_uri = "unix:///run/charon.vici";
// The daemon's second choice: the first one belongs to another daemon then.
constexpr std::string_view second_uri = "unix:///run/culvert/vici.sock";

}  // namespace culvert::vici
