// strongswan.conf: what of `charon` has a meaning here.

#include <sstream>
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

struct Settings {
    ike::EngineSettings& engine;
    DaemonSettings& daemon;
};

template <class T, class U>
void store(U& into, std::optional<T> value) {
    if (value) { into = static_cast<U>(*std::move(value)); }
}
template <class T, class U>
void store_optional(std::optional<U>& into, std::optional<T> value) {
    if (value) { into = static_cast<U>(*std::move(value)); }
}

void read_milliseconds(const Field& field, std::chrono::milliseconds& into, double least_s) {
    if (const auto seconds = read_fraction(field, least_s, 3600)) {
        into = std::chrono::milliseconds{static_cast<std::int64_t>(*seconds * 1000)};
    }
}

// What the kernel takes as the name of an interface, and how many there may be here.
constexpr std::size_t interface_name_max = 15;
constexpr std::size_t xdp_interfaces_max = 16;

// Between spaces or commas.
void read_xdp_interfaces(const Field& field, std::vector<std::string>& into) {
    const auto items = field.list();
    if (!items) { return; }
    into.clear();
    for (const auto& item : *items) {
        std::istringstream in{std::string{item}};
        for (std::string name; in >> name;) { into.push_back(name); }
    }
    for (const std::string& name : into) {
        if (name.size() <= interface_name_max && name.find_first_of("/:") == std::string::npos) {
            continue;
        }
        field.error(fmt::format("\"{}\" cannot be the name of an interface", printable(name, 40)),
                    "name interfaces as 'ip link' shows them");
    }
    if (into.size() > xdp_interfaces_max) {
        field.error(fmt::format("{} interfaces are too many", into.size()),
                    fmt::format("name {} at most", xdp_interfaces_max));
    }
}

void read_engines(const Field& field, std::optional<unsigned>& into) {
    static const Words<unsigned> words{{"1", 1}, {"2", 2}, {"4", 4}, {"8", 8}, {"16", 16}};
    if (const auto count = read_word(field, words, "1, 2, 4, 8 or 16")) { into = *count; }
}

void read_xdp_mode(const Field& field, std::optional<XdpMode>& into) {
    static const Words<XdpMode> words{{"auto", XdpMode::automatic},
                                      {"zerocopy", XdpMode::zerocopy},
                                      {"copy", XdpMode::copy},
                                      {"skb", XdpMode::skb}};
    if (const auto mode = read_word(field, words, "auto, zerocopy, copy or skb")) { into = *mode; }
}

constexpr std::uint64_t count_max = 1'000'000;
// A fragment of IKE has room for headers and some text; what IP can carry.
constexpr std::uint64_t fragment_size_min = 256;
constexpr std::uint64_t packet_max = 65535;
constexpr std::size_t ignored_shown_max = 100;

using Use = void (*)(const Field&, Settings&);

// 0 is strongSwan's word for what suits every path.
void read_fragment_size(const Field& field, std::uint16_t& into) {
    const auto size = read_number(field, 0, packet_max);
    if (!size || *size == 0) { return; }
    if (*size < fragment_size_min) {
        field.error(fmt::format("{} octets are too few for a fragment", *size),
                    fmt::format("write {} at least", fragment_size_min));
        return;
    }
    into = static_cast<std::uint16_t>(*size);
}

// Left out it would be another set of hosts that may talk to us.
void no_interfaces(const Field& field, Settings&) {
    if (const auto names = field.list(); !names || names->empty()) { return; }
    field.error("is not built: IKE is spoken on all interfaces",
                "remove it, and name addresses in connections.<name>.local_addrs, or let a packet "
                "filter say where UDP 500 and 4500 may come from");
}

const std::unordered_map<std::string_view, Use>& uses() {
    static const std::unordered_map<std::string_view, Use> table{
        {"retransmit_timeout",
         [](const Field& f, Settings& s) {
             read_milliseconds(f, s.engine.retransmit.timeout, 0.1);
         }},
        {"retransmit_base",
         [](const Field& f, Settings& s) {
             store(s.engine.retransmit.base, read_fraction(f, 1, 10));
         }},
        {"retransmit_tries",
         [](const Field& f, Settings& s) {
             store(s.engine.retransmit.tries, read_number(f, 0, 100));
         }},
        {"retransmit_limit",
         [](const Field& f, Settings& s) { read_milliseconds(f, s.engine.retransmit.limit, 0); }},
        {"retransmit_jitter",
         [](const Field& f, Settings& s) {
             // strongSwan's bound: with more the first repetition would come too early.
             constexpr unsigned jitter_percent_max = 20;
             unsigned& jitter = s.engine.retransmit.jitter_percent;
             store(jitter, read_number(f, 0, 100));
             jitter = std::min(jitter, jitter_percent_max);
         }},
        {"port",
         [](const Field& f, Settings& s) { store(s.engine.port, read_number(f, 0, 65535)); }},
        {"port_nat_t",
         [](const Field& f, Settings& s) { store(s.engine.port_nat_t, read_number(f, 0, 65535)); }},
        {"cookie_threshold",
         [](const Field& f, Settings& s) {
             store(s.engine.cookie_threshold, read_number(f, 0, count_max));
         }},
        {"cookie_threshold_ip",
         [](const Field& f, Settings& s) {
             store(s.engine.cookie_threshold_per_ip, read_number(f, 0, count_max));
         }},
        {"block_threshold",
         [](const Field& f, Settings& s) {
             store(s.engine.block_threshold_per_ip, read_number(f, 0, count_max));
         }},
        {"half_open_timeout",
         [](const Field& f, Settings& s) {
             const auto time = read_time(f);
             if (time == std::chrono::seconds{0}) {
                 f.error("0 would give no peer the time to come in", "write 30s, or remove it");
                 return;
             }
             store(s.engine.half_open_timeout, time);
         }},
        {"keep_alive",
         [](const Field& f, Settings& s) { store(s.engine.keep_alive, read_time(f)); }},
        {"ikesa_limit",
         [](const Field& f, Settings& s) {
             store(s.engine.ike_sas_max, read_number(f, 0, count_max));
         }},
        {"init_limit_half_open",
         [](const Field& f, Settings& s) {
             const auto limit = read_number(f, 0, count_max);
             if (!limit) { return; }
             s.daemon.init_limit_half_open = static_cast<unsigned>(*limit);
             if (*limit > 0) { s.engine.half_open_max = static_cast<unsigned>(*limit); }
         }},
        {"install_routes",
         [](const Field& f, Settings& s) {
             store_optional(s.daemon.install_routes, read_bool(f));
         }},
        {"routing_table",
         [](const Field& f, Settings& s) {
             store_optional(s.daemon.routing_table, read_number(f, 1, 0xffffffff));
         }},
        {"routing_table_prio",
         [](const Field& f, Settings& s) {
             store_optional(s.daemon.routing_table_prio, read_number(f, 1, 32765));
         }},
        {"install_virtual_ip",
         [](const Field& f, Settings& s) {
             store_optional(s.daemon.install_virtual_ip, read_bool(f));
         }},
        {"follow_redirects",
         [](const Field& f, Settings& s) { store(s.engine.follow_redirects, read_bool(f)); }},
        {"culvert_redirect_to",
         [](const Field& f, Settings& s) {
             store_optional(s.engine.redirect_to, read_gateway(f));
         }},
        {"culvert_redirect_when",
         [](const Field& f, Settings& s) {
             using ike::RedirectWhen;
             store(s.engine.redirect_when,
                   read_word<RedirectWhen>(
                       f, {{"init", RedirectWhen::init}, {"auth", RedirectWhen::auth}},
                       "init or auth"));
         }},
        {"hash_and_url",
         [](const Field& f, Settings& s) { store(s.engine.hash_and_url, read_bool(f)); }},
        {"culvert_prefer_udp",
         [](const Field& f, Settings& s) { store(s.engine.prefers_udp, read_bool(f)); }},
        {"culvert_tcp_listen",
         [](const Field& f, Settings& s) { store_optional(s.daemon.tcp_listen, read_bool(f)); }},
        {"culvert_tcp_port",
         [](const Field& f, Settings& s) {
             store_optional(s.daemon.tcp_port, read_number(f, 1, 65535));
         }},
        {"culvert_crash_tokens",
         [](const Field& f, Settings& s) { store_optional(s.daemon.crash_tokens, read_bool(f)); }},
        {"culvert_engines", [](const Field& f, Settings& s) { read_engines(f, s.daemon.engines); }},
        {"culvert_xdp",
         [](const Field& f, Settings& s) { read_xdp_interfaces(f, s.daemon.xdp_interfaces); }},
        {"culvert_xdp_mode",
         [](const Field& f, Settings& s) { read_xdp_mode(f, s.daemon.xdp_mode); }},
        {"make_before_break",
         [](const Field& f, Settings& s) { store(s.engine.make_before_break, read_bool(f)); }},
        {"dns1",
         [](const Field& f, Settings& s) { read_attribute(f, "dns", s.daemon.attributes); }},
        {"dns2",
         [](const Field& f, Settings& s) { read_attribute(f, "dns", s.daemon.attributes); }},
        {"nbns1",
         [](const Field& f, Settings& s) { read_attribute(f, "nbns", s.daemon.attributes); }},
        {"nbns2",
         [](const Field& f, Settings& s) { read_attribute(f, "nbns", s.daemon.attributes); }},
        {"fragment_size",
         [](const Field& f, Settings& s) { read_fragment_size(f, s.engine.fragment_size); }},
        {"close_ike_on_child_failure",
         [](const Field& f, Settings& s) {
             store(s.engine.close_ike_on_child_failure, read_bool(f));
         }},
        {"initiator_only",
         [](const Field& f, Settings& s) { store(s.engine.initiator_only, read_bool(f)); }},
        {"retry_initiate_interval",
         [](const Field& f, Settings& s) {
             store_optional(s.daemon.retry_initiate_interval, read_time(f));
         }},
        {"interfaces_use", no_interfaces},
        {"interfaces_ignore", no_interfaces},
        {"threads", [](const Field& f,
                       Settings& s) { store_optional(s.daemon.threads, read_number(f, 1, 1024)); }},
    };
    return table;
}

using Part = void (*)(const Scope&, DaemonSettings&, IgnoredSettings&);

const std::unordered_map<std::string_view, Part>& parts() {
    static const std::unordered_map<std::string_view, Part> table{
        {"plugins", read_plugins},
        {"filelog", [](const Scope& s, DaemonSettings& daemon,
                       IgnoredSettings&) { read_filelog(s, daemon.logs); }},
        {"syslog", [](const Scope& s, DaemonSettings& daemon,
                      IgnoredSettings&) { read_syslog(s, daemon.logs); }},
        {"journal", [](const Scope& s, DaemonSettings& daemon,
                       IgnoredSettings&) { read_journal(s, daemon.logs); }},
    };
    return table;
}

}  // namespace

void read_charon(const Scope& scope, ike::EngineSettings& engine, DaemonSettings& daemon) {
    Settings settings{engine, daemon};
    IgnoredSettings ignored;
    scope.each([&](const Field& field) {
        const auto use = uses().find(field.key());
        if (use != uses().end()) { return use->second(field, settings); }
        const auto part = parts().find(field.key());
        if (part != parts().end() && field.section() != nullptr) {
            return part->second(Scope{scope, field}, daemon, ignored);
        }
        ignored.push_back(printable(field.key(), 40));
    });
    if (ignored.empty()) { return; }
    const std::size_t count = ignored.size();
    if (count > ignored_shown_max) {
        ignored.resize(ignored_shown_max);
        ignored.push_back(fmt::format("and {} more", count - ignored_shown_max));
    }
    scope.warning(
        fmt::format("settings that have no meaning here are ignored: {}", fmt::join(ignored, ", ")),
        "");
}

}  // namespace culvert::config
