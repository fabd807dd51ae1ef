// strongswan.conf: what of `charon` has a meaning here.

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

constexpr std::uint64_t count_max = 1'000'000;

using Use = void (*)(const Field&, Settings&);

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
         [](const Field& f, Settings& s) { store(s.engine.half_open_timeout, read_time(f)); }},
        {"keep_alive",
         [](const Field& f, Settings& s) { store(s.engine.keep_alive, read_time(f)); }},
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
        {"threads", [](const Field& f,
                       Settings& s) { store_optional(s.daemon.threads, read_number(f, 1, 1024)); }},
    };
    return table;
}

}  // namespace

void read_charon(const Scope& scope, ike::EngineSettings& engine, DaemonSettings& daemon) {
    Settings settings{engine, daemon};
    constexpr std::size_t shown_max = 8;
    std::vector<std::string> ignored;
    std::size_t ignored_count = 0;
    scope.each([&](const Field& field) {
        const auto use = uses().find(field.key());
        if (use != uses().end()) { return use->second(field, settings); }
        if (++ignored_count <= shown_max) { ignored.push_back(printable(field.key(), 40)); }
    });
    if (ignored_count > 0) {
        if (ignored_count > shown_max) {
            ignored.push_back(fmt::format("and {} more", ignored_count - shown_max));
        }
        scope.warning(fmt::format("settings that have no meaning here are ignored: {}",
                                  fmt::join(ignored, ", ")),
                      "");
    }
}

}  // namespace culvert::config
