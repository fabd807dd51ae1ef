#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"

namespace culvert::config {

inline Loaded load_text(std::string_view text) { return load(parse_text(text, "t.conf")); }

inline std::string show(const Problems& problems) {
    std::string out;
    for (const Problem& problem : problems) { out += problem.to_string() + "\n"; }
    return out;
}

// A connection that is well, with `more` in it, and a secret for everybody.
inline std::string connection_with(std::string_view more, std::string_view first = "") {
    return "connections {\nc {" + std::string{first} + "\n" + std::string{more} +
           "\nlocal { auth = psk }\nremote { auth = psk }\n}\n}\n"
           "secrets { ike { secret = 0123456789abcdef } }\n";
}
inline std::string child_with(std::string_view more) {
    return connection_with("children {\nn {\n" + std::string{more} + "\n}\n}",
                           " remote_addrs = 192.0.2.9");
}

}  // namespace culvert::config
