#include "daemon/configured.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "config/tree.hpp"
#include "plane/limits.hpp"

namespace culvert::daemon {

namespace {

config::Loaded load_files(const Options& options, bool config_wanted) {
    config::Loaded loaded;
    const std::string path = options.config_file.value_or(default_config_file);
    const bool there = options.config_file || std::filesystem::exists(path);
    if (config_wanted && there) { loaded = config::load_file(path, config::disk()); }
    const std::string settings = options.settings_file.value_or(default_settings_file);
    if (options.settings_file || std::filesystem::exists(settings)) {
        config::load_settings(config::parse_file(settings, config::disk()), loaded);
    }
    return loaded;
}

Configured settled(const Options& options, config::Loaded loaded) {
    config::open_tokens(loaded);
    if (options.plane != PlaneKind::user) { loaded.config.settings.prefers_udp = false; }
    if (options.plane == PlaneKind::user) {
        loaded.config.settings.resources =
            std::clamp(loaded.daemon.threads.value_or(std::thread::hardware_concurrency()), 1U,
                       plane::workers_max);
    }
    return Configured{std::move(loaded.config), loaded.daemon, std::move(loaded.problems),
                      std::move(loaded.usable)};
}

}  // namespace

Result<Configured> read_configuration(const Options& options, bool config_wanted,
                                      const std::set<std::string>& usable_before) {
    config::Loaded loaded = load_files(options, config_wanted);
    if (!loaded.ok()) { return std::unexpected(config::as_error(loaded.problems)); }
    Configured out = settled(options, std::move(loaded));
    const config::Problems lost = config::lost_credentials(usable_before, out.problems);
    if (!lost.empty()) { return std::unexpected(config::as_error(lost)); }
    return out;
}

namespace {

plane::XdpMode xdp_mode(config::XdpMode mode) {
    switch (mode) {
        case config::XdpMode::automatic: return plane::XdpMode::automatic;
        case config::XdpMode::zerocopy: return plane::XdpMode::zerocopy;
        case config::XdpMode::copy: return plane::XdpMode::copy;
        case config::XdpMode::skb: return plane::XdpMode::skb;
    }
    return plane::XdpMode::automatic;
}

}  // namespace

plane::PlaneSettings plane_settings(const Options& options, const Configured& configured) {
    plane::PlaneSettings out;
    out.port = configured.config.settings.port;
    out.port_nat_t = configured.config.settings.port_nat_t;
    out.port_tcp = configured.daemon.tcp_port.value_or(out.port_tcp);
    out.workers = configured.daemon.threads.value_or(out.workers);
    out.routing_table = configured.daemon.routing_table.value_or(out.routing_table);
    out.rule_priority = configured.daemon.routing_table_prio.value_or(out.rule_priority);
    out.install_routes = configured.daemon.install_routes.value_or(out.install_routes);
    out.tun_mtu = configured.daemon.mtu.value_or(out.tun_mtu);
    out.route_mss = configured.daemon.mss.value_or(out.route_mss);
    out.xdp.interfaces = configured.daemon.xdp_interfaces;
    out.xdp.mode = xdp_mode(configured.daemon.xdp_mode.value_or(config::XdpMode::automatic));
    out.state_dir = options.state_dir;
    if (!options.key_log.empty()) { out.key_log = options.key_log + ".esp"; }
    return out;
}

Result<Configured> configure(const Options& options, Log& log) {
    config::Loaded loaded = load_files(options, true);
    if (loaded.ok()) { return settled(options, std::move(loaded)); }
    const Error wrong = config::as_error(loaded.problems);
    if (options.config_file || (options.settings_file && !loaded.settings_are_sound)) {
        return std::unexpected(wrong);
    }
    // Whoever restarts a gateway wants the tunnels that are right.
    const bool in_part = loaded.rest_is_sound;
    if (!in_part) { loaded = load_files(options, false); }
    std::string left_out =
        fmt::format("{}: {}",
                    in_part ? "what is wrong in the configuration was left out, the rest is "
                              "in use"
                            : "the configuration cannot be read, NO CONNECTION IS LOADED",
                    printable(explain(wrong), 4096));
    log.error(LogGroup::config, left_out);
    Configured out = settled(options, std::move(loaded));
    out.left_out = std::move(left_out);
    return out;
}

}  // namespace culvert::daemon
