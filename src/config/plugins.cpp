// strongswan.conf's `charon.plugins`: what of it is ours.

#include <algorithm>
#include <cstdint>
#include <unordered_map>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

constexpr std::uint64_t mtu_min = 1280;
constexpr std::uint64_t mtu_max = 65535;
constexpr std::uint64_t mss_max = 65495;  // what IPv4 leaves of its largest packet

// Addresses and domains for every peer that gets a virtual address.
void read_attr(const Scope& scope, DaemonSettings& daemon) {
    scope.each([&](const Field& field) {
        if (field.key() == "load") { return; }
        std::string word = field.key();
        std::ranges::replace(word, '-', '_');  // split-include there, split_include in pools
        read_attribute(field, word, daemon.attributes);
    });
}

// Where the libraries of tokens lie.
void read_token_modules(const Scope& modules, DaemonSettings& daemon) {
    modules.each([&](const Field& module) {
        if (module.section() == nullptr) { return; }
        if (const auto path = Scope{modules, module}.find("path")) {
            daemon.token_modules[module.key()] = path->text().value_or("");
        }
    });
}

// Of `load`, which may also hold a priority.
bool says_no(const Field& field) {
    const auto text = field.text();
    return text == "no" || text == "0" || text == "false" || text == "disabled";
}

// "!0x42" keeps what carries a mark out of the tunnels: with our own packets that is so by itself,
// whatever their mark. Without the "!" only what carries it would go into a tunnel.
void read_fwmark(const Field& field) {
    const auto text = field.text();
    if (!text || text->empty() || text->starts_with('!')) { return; }
    field.error(
        "is not built: everything that fits remote_ts goes into the tunnel, marked or not",
        "remove it, and choose what is tunnelled by local_ts and remote_ts; our own packets "
        "are always kept out");
}

using Use = void (*)(const Field&, DaemonSettings&);

const std::unordered_map<std::string_view, Use>& uses() {
    static const std::unordered_map<std::string_view, Use> table{
        {"kernel-netlink.mtu",
         [](const Field& f, DaemonSettings& d) {
             if (f.text() == "0") { return; }  // strongSwan's default
             if (const auto mtu = read_number(f, mtu_min, mtu_max)) {
                 d.mtu = static_cast<std::uint32_t>(*mtu);
             }
         }},
        {"kernel-netlink.mss",
         [](const Field& f, DaemonSettings& d) {
             if (const auto mss = read_number(f, 0, mss_max)) {
                 d.mss = static_cast<std::uint32_t>(*mss);
             }
         }},
        {"kernel-netlink.fwmark", [](const Field& f, DaemonSettings&) { read_fwmark(f); }},
        {"resolve.file",
         [](const Field& f, DaemonSettings& d) {
             if (auto path = f.text()) { d.resolv_conf = *std::move(path); }
         }},
        {"updown.dns_handler",
         [](const Field& f, DaemonSettings& d) { d.dns_handler = read_bool(f).value_or(false); }},
    };
    return table;
}

void read_plugin(const std::string& plugin, const Scope& scope, DaemonSettings& daemon,
                 IgnoredSettings& ignored) {
    scope.each([&](const Field& field) {
        if (field.key() == "load") {
            if (plugin == "resolve") { daemon.hand_over_dns = !says_no(field); }
            return;
        }
        if (plugin == "pkcs11" && field.key() == "modules" && field.section() != nullptr) {
            return read_token_modules(Scope{scope, field}, daemon);
        }
        const std::string word = fmt::format("{}.{}", plugin, field.key());
        if (const auto use = uses().find(word); use != uses().end()) {
            return use->second(field, daemon);
        }
        ignored.push_back(printable("plugins." + word, 80));
    });
}

}  // namespace

// Whether a plugin is loaded decides nothing here but for name servers, and is not worth a word.
void read_plugins(const Scope& scope, DaemonSettings& daemon, IgnoredSettings& ignored) {
    scope.each([&](const Field& plugin) {
        if (plugin.section() == nullptr) {
            ignored.push_back(printable("plugins." + plugin.key(), 60));
            return;
        }
        const Scope inner{scope, plugin};
        if (plugin.key() == "attr") { return read_attr(inner, daemon); }
        read_plugin(plugin.key(), inner, daemon, ignored);
    });
    // The updown script alone has them then, as in strongSwan.
    if (daemon.dns_handler) { daemon.resolv_conf.clear(); }
}

}  // namespace culvert::config
