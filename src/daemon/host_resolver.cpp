#include "daemon/host_resolver.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace culvert::daemon {
namespace {

std::optional<std::string> find_program(std::string_view name) {
    constexpr std::array<std::string_view, 4> folders{"/usr/bin", "/usr/sbin", "/bin", "/sbin"};
    for (const std::string_view folder : folders) {
        std::string path = fmt::format("{}/{}", folder, name);
        if (::access(path.c_str(), X_OK) == 0) { return path; }
    }
    return std::nullopt;
}

Error no_host_resolver(std::string_view why) {
    return {.code = ErrorCode::not_found,
            .wanted = "a program of this host that sees to name servers",
            .received = std::string{why},
            .remedy = "set charon.plugins.resolve.file, or write an updown script"};
}

// resolvectl takes words; what a peer calls a domain has to be one.
bool is_domain(std::string_view text) {
    return !text.empty() && text.front() != '-' && std::ranges::all_of(text, [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_';
    });
}

std::vector<Program> for_resolved(const HostResolver& resolver,
                                  const std::vector<ike::NameServers>& in_use) {
    std::string servers;
    std::set<std::string> domains;
    bool everything = false;
    for (const ike::NameServers& one : in_use) {
        for (const IpAddress& server : one.servers) { servers += " " + server.to_string(); }
        everything = everything || one.domains.empty();
        for (const std::string& domain : one.domains) {
            if (is_domain(domain)) { domains.insert("~" + domain); }
        }
    }
    const auto run = [&](std::string_view words) {
        return Program{.command = fmt::format("{} {}", resolver.program, words)};
    };
    const std::string& interface = resolver.interface;
    if (servers.empty()) { return {run(fmt::format("revert {}", interface))}; }
    // "~.": whatever no other interface has a better domain for.
    if (everything) { domains.insert("~."); }
    std::string routed;
    for (const std::string& domain : domains) { routed += " " + domain; }
    return {run(fmt::format("dns {}{}", interface, servers)),
            run(fmt::format("domain {}{}", interface, routed)),
            run(fmt::format("default-route {} {}", interface, everything ? "yes" : "no"))};
}

std::vector<Program> for_resolvconf(const HostResolver& resolver,
                                    const std::vector<ike::NameServers>& in_use) {
    std::string lines;
    for (const ike::NameServers& one : in_use) {
        if (!one.domains.empty()) { continue; }
        for (const IpAddress& server : one.servers) {
            lines += fmt::format("nameserver {}\n", server.to_string());
        }
    }
    const std::string_view word = lines.empty() ? "-d" : "-a";
    return {{.command = fmt::format("{} {} {}", resolver.program, word, resolver.interface),
             .input = std::move(lines)}};
}

}  // namespace

// Not by /proc/1/ns/net: to follow that link takes CAP_SYS_PTRACE, which neither we nor the
// service's bounding set have. Every namespace has files of its own here.
std::optional<bool> in_network_namespace_of_host() {
    struct stat ours{};
    struct stat host{};
    if (::stat("/proc/thread-self/net/dev", &ours) != 0 || ::stat("/proc/1/net/dev", &host) != 0) {
        return std::nullopt;
    }
    return ours.st_dev == host.st_dev && ours.st_ino == host.st_ino;
}

Result<HostResolver> find_host_resolver(std::string interface) {
    const auto of_host = in_network_namespace_of_host();
    if (!of_host) {
        return std::unexpected(no_host_resolver(
            "/proc hides process 1, so that it does not show whether this network is the host's"));
    }
    if (!*of_host) {
        return std::unexpected(
            no_host_resolver("this network namespace is not that of the host and its programs"));
    }
    std::error_code why;
    if (std::filesystem::exists("/run/systemd/resolve/io.systemd.Resolve", why)) {
        if (auto program = find_program("resolvectl")) {
            return HostResolver{HostResolverKind::resolved, *std::move(program),
                                std::move(interface)};
        }
    }
    if (auto program = find_program("resolvconf")) {
        return HostResolver{HostResolverKind::resolvconf, *std::move(program),
                            std::move(interface)};
    }
    return std::unexpected(no_host_resolver("there is no systemd-resolved or resolvconf"));
}

std::vector<Program> programs_for(const HostResolver& resolver,
                                  const std::vector<ike::NameServers>& in_use) {
    switch (resolver.kind) {
        case HostResolverKind::resolved: return for_resolved(resolver, in_use);
        case HostResolverKind::resolvconf: return for_resolvconf(resolver, in_use);
    }
    return {};
}

}  // namespace culvert::daemon
