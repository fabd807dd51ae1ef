#pragma once
// Name servers that peers gave us, handed to the program that sees to them on this host.

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "daemon/program_queue.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

enum class HostResolverKind : std::uint8_t {
    resolved,    // systemd-resolved, by resolvectl: knows of domains (RFC 8598)
    resolvconf,  // Debian's, or openresolv
};

struct HostResolver {
    HostResolverKind kind{};
    std::string program;    // its full path
    std::string interface;  // that the name servers are behind
};

// Whether our network is that of process 1, and so of the services beside it. Needs no right over
// that process. Nothing: it cannot be seen (/proc with hidepid).
std::optional<bool> in_network_namespace_of_host();

// What this host has. None in a network namespace of its own: the program would speak for the
// host's interfaces. not_found: why there is none.
Result<HostResolver> find_host_resolver(std::string interface);

// What to run so that these, and no others of ours, are in use. With resolvconf those of domains
// are left out: it would ask them for everything.
std::vector<Program> programs_for(const HostResolver& resolver,
                                  const std::vector<ike::NameServers>& in_use);

}  // namespace culvert::daemon
