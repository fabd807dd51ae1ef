#include "daemon/options.hpp"

#include <algorithm>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "daemon/version.hpp"

namespace culvert::daemon {
namespace {

#ifdef CULVERT_KEY_LOG
constexpr bool has_key_log = true;
#else
constexpr bool has_key_log = false;
#endif

Error no_key_log() {
    return {
        .code = ErrorCode::not_built,
        .wanted = "--key-log",
        .received = "a build that cannot write session keys",
        .remedy = "use a debug build (cmake -DCULVERT_KEY_LOG=ON), and never with real traffic"};
}

ParsedOptions usage_error(std::string_view text) {
    return {.options = {}, .usage = {fmt::format("culvertd: {}\n", text), 2}};
}

struct Texts {
    std::string config, settings, vici, plane = "user", log, key_log;
};

ParsedOptions finish(Options options, const Texts& texts) {
    static const std::map<std::string, PlaneKind, std::less<>> planes{
        {"user", PlaneKind::user}, {"kernel", PlaneKind::kernel}, {"null", PlaneKind::null}};
    options.plane = planes.at(texts.plane);
    if (!texts.config.empty()) { options.config_file = texts.config; }
    if (!texts.settings.empty()) { options.settings_file = texts.settings; }
    if (!texts.vici.empty()) {
        auto uri = vici::Uri::parse(texts.vici);
        if (!uri) { return usage_error(explain(uri.error())); }
        options.vici = *std::move(uri);
    }
    auto log = LogSpec::parse(texts.log);
    if (!log) { return usage_error(explain(log.error())); }
    options.log = *std::move(log);
    if (!texts.key_log.empty() && !has_key_log) { return usage_error(explain(no_key_log())); }
    options.key_log = texts.key_log;
    return {.options = std::move(options), .usage = {}};
}

}  // namespace

ParsedOptions parse_options(const std::vector<std::string>& arguments) {
    Options options;
    Texts texts;
    CLI::App app{"culvertd, the IPsec key-exchange daemon", "culvertd"};
    app.set_version_flag("--version", fmt::format("culvertd {}", version));
    app.add_option(
        "--config", texts.config,
        fmt::format("swanctl.conf to load (default: {} if it is there)", default_config_file));
    app.add_option("--settings", texts.settings,
                   fmt::format("strongswan.conf to take settings from (default: {} if it is there)",
                               default_settings_file));
    app.add_option("--vici", texts.vici, "where to serve VICI: unix:///path or tcp://address:port");
    app.add_option("--plane", texts.plane, "what carries packets: user, or null for none")
        ->check([](const std::string& plane) {
            const bool known = plane == "user" || plane == "kernel" || plane == "null";
            return known ? std::string{} : plane + " is neither user nor null";
        });
    app.add_option("--state-dir", options.state_dir, "run-time files (default: /run/culvert)");
    app.add_option("--log", texts.log,
                   "like info,ike=debug,format=json,file=/path (groups: daemon, config, vici, ike, "
                   "plane)");
    app.add_option(
        "--key-log", texts.key_log,
        has_key_log ? "write session keys to this file, for tshark" : "not in this build");
    app.add_flag("--foreground", options.foreground, "stay in the foreground, log to stderr");
    try {
        std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};
        app.parse(reversed);
    } catch (const CLI::ParseError& error) {
        std::ostringstream out;
        const int status = app.exit(error, out, out);
        return {.options = {}, .usage = {out.str(), status == 0 ? 0 : 2}};
    }
    return finish(std::move(options), texts);
}

}  // namespace culvert::daemon
