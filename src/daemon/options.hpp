#pragma once
// culvertd's command line.

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "daemon/log_spec.hpp"
#include "vici/uri.hpp"

namespace culvert::daemon {

enum class PlaneKind : std::uint8_t { user, kernel, null };

struct Options {
    // Named: must be readable and right, or culvertd does not start. Not named: default_config_file
    // is used if it is there, and one that is wrong is reported.
    std::optional<std::string> config_file;
    // The same, with default_settings_file.
    std::optional<std::string> settings_file;
    std::optional<vici::Uri> vici;  // not named: vici::default_uri, or state_dir/vici.sock
    PlaneKind plane = PlaneKind::user;
    std::string state_dir = "/run/culvert";
    LogSpec log;
    std::string key_log;  // builds with CULVERT_KEY_LOG only
    bool foreground = false;
};

constexpr const char* default_config_file = "/etc/swanctl/swanctl.conf";
constexpr const char* default_settings_file = "/etc/strongswan.conf";

// Either options, or a text to print and an exit status (--help, --version: 0; wrong usage: 2).
struct Usage {
    std::string text;
    int status = 0;
};
struct ParsedOptions {
    std::optional<Options> options;
    Usage usage;
};
ParsedOptions parse_options(const std::vector<std::string>& arguments);

}  // namespace culvert::daemon
