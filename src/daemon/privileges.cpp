#include "daemon/privileges.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <string>

#include <cap-ng.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace culvert::daemon {
namespace {

// The leak checker of a sanitizer build has to trace its own process.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool sanitized = true;
#else
constexpr bool sanitized = false;
#endif

bool listed(const char* table, std::uint16_t port) {
    std::ifstream in{table};
    const std::string wanted = fmt::format(":{:04X} ", port);
    std::string line;
    while (std::getline(in, line)) {
        // "  sl  local_address rem_address ...": the local port ends the second column.
        const std::size_t at = line.find(wanted);
        if (at != std::string::npos && at < line.find(' ', line.find(": ") + 2)) { return true; }
    }
    return false;
}

}  // namespace

void forbid_core_dumps() {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &none);
    if (!sanitized) { ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) { return; }
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

Status drop_capabilities() {
    if (sanitized) { return {}; }
    constexpr std::array kept{CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE};
    if (capng_get_caps_process() != 0) {
        return std::unexpected(system_error("to read our capabilities", errno));
    }
    std::array<bool, kept.size()> had{};
    for (std::size_t i = 0; i < kept.size(); ++i) {
        had[i] = capng_have_capability(CAPNG_PERMITTED, static_cast<unsigned>(kept[i])) != 0;
    }
    // The bounding set can only be lowered with CAP_SETPCAP.
    const bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
    capng_clear(CAPNG_SELECT_BOTH);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        if (!had[i]) { continue; }
        const auto types = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED |
                                                     CAPNG_INHERITABLE | CAPNG_BOUNDING_SET);
        capng_update(CAPNG_ADD, types, static_cast<unsigned>(kept[i]));
    }
    const int status = capng_apply(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS);
    if (status != 0) { return std::unexpected(system_error("to give up capabilities", errno)); }
    return {};
}

bool udp_port_taken(std::uint16_t port, std::uint16_t port_nat_t) {
    for (const std::uint16_t one : {port, port_nat_t}) {
        if (one == 0) { continue; }
        if (listed("/proc/net/udp", one) || listed("/proc/net/udp6", one)) { return true; }
    }
    return false;
}

}  // namespace culvert::daemon
