#include "cli/probes.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/wait.h>

namespace culvert::cli {
namespace {

std::optional<IpAddress> address_of(const sockaddr* socket_address) {
    if (socket_address == nullptr) { return std::nullopt; }
    const auto octets_at = [&](std::size_t offset, std::size_t count) {
        std::vector<std::uint8_t> out(count);
        std::memcpy(out.data(),
                    static_cast<const char*>(static_cast<const void*>(socket_address)) + offset,
                    count);
        return IpAddress::from_octets(out);
    };
    switch (socket_address->sa_family) {
        case AF_INET: return octets_at(offsetof(sockaddr_in, sin_addr), 4);
        case AF_INET6: return octets_at(offsetof(sockaddr_in6, sin6_addr), 16);
        default: return std::nullopt;
    }
}

Error does_not_resolve(const std::string& name, const char* why) {
    return {.code = ErrorCode::peer_unreachable,
            .wanted = fmt::format("an address for {}", printable(name)),
            .received = why,
            .remedy = "check the name and this host's DNS, or write the address into remote_addrs"};
}

constexpr int not_run = 127;

Error no_ping(int error_number) {
    Error error = system_error("to run the program ping", error_number);
    error.remedy = "install it (Debian: iputils-ping)";
    return error;
}

}  // namespace

Result<std::vector<IpAddress>> HostProbes::resolve(const std::string& name) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* list = nullptr;
    if (const int why = ::getaddrinfo(name.c_str(), nullptr, &hints, &list); why != 0) {
        return std::unexpected(does_not_resolve(name, ::gai_strerror(why)));
    }
    std::vector<IpAddress> out;
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
        const auto address = address_of(one->ai_addr);
        if (address && std::ranges::find(out, *address) == out.end()) { out.push_back(*address); }
    }
    ::freeaddrinfo(list);
    return out;
}

std::optional<IpAddress> HostProbes::own_address_in(const IpRange& range) {
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) { return std::nullopt; }
    std::optional<IpAddress> out;
    for (const ifaddrs* one = list; one != nullptr && !out; one = one->ifa_next) {
        const auto address = address_of(one->ifa_addr);
        if (address && address->family() == range.family() && range.contains(*address)) {
            out = address;
        }
    }
    ::freeifaddrs(list);
    return out;
}

Result<bool> HostProbes::ping(const IpAddress& from, const IpAddress& to, unsigned packet_size) {
    const unsigned headers = to.is_v4() ? 20 + 8 : 40 + 8;
    std::vector<std::string> words{"ping",
                                   "-n",
                                   "-q",
                                   "-c",
                                   "1",
                                   "-W",
                                   "1",
                                   "-M",
                                   "do",
                                   "-I",
                                   from.to_string(),
                                   "-s",
                                   fmt::format("{}", packet_size - std::min(packet_size, headers)),
                                   to.to_string()};
    std::vector<char*> pointers;
    for (std::string& word : words) { pointers.push_back(word.data()); }
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t files{};
    posix_spawn_file_actions_init(&files);
    for (const int standard : {0, 1, 2}) {
        posix_spawn_file_actions_addopen(&files, standard, "/dev/null", O_RDWR, 0);
    }
    pid_t pid = 0;
    const int why = posix_spawnp(&pid, "ping", &files, nullptr, pointers.data(), nullptr);
    posix_spawn_file_actions_destroy(&files);
    if (why != 0) { return std::unexpected(no_ping(why)); }
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
    // Where the C library cannot tell us that there is no such program, the child does.
    if (WIFEXITED(status) && WEXITSTATUS(status) == not_run) {
        return std::unexpected(no_ping(ENOENT));
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace culvert::cli
