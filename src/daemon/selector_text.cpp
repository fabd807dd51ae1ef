#include "daemon/selector_text.hpp"

#include <array>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>

namespace culvert::daemon {
namespace {

constexpr std::size_t entry_size_max = 4096;

std::string protocol_name(std::uint8_t protocol) {
    std::array<char, entry_size_max> buffer{};
    protoent entry{};
    protoent* found = nullptr;
    ::getprotobynumber_r(protocol, &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? fmt::format("{}", protocol) : std::string{found->p_name};
}

std::string port_name(std::uint16_t port, const std::string& protocol) {
    std::array<char, entry_size_max> buffer{};
    servent entry{};
    servent* found = nullptr;
    ::getservbyport_r(htons(port), protocol.c_str(), &entry, buffer.data(), buffer.size(), &found);
    return found == nullptr ? fmt::format("{}", port) : std::string{found->s_name};
}

// RFC 4301 4.4.1.1: type in the high octet, code in the low one.
std::string icmp_text(std::uint16_t first, std::uint16_t last) {
    const auto one = [](std::uint16_t port) {
        const auto type = port >> 8;
        const auto code = port & 0xff;
        return code == 0 ? fmt::format("{}", type) : fmt::format("{}({})", type, code);
    };
    return first == last ? one(first) : fmt::format("{}-{}", one(first), one(last));
}

std::string ports_text(const TrafficSelector& selector, const std::string& protocol) {
    const bool icmp = selector.protocol == IPPROTO_ICMP || selector.protocol == IPPROTO_ICMPV6;
    if (icmp) { return icmp_text(selector.port_first, selector.port_last); }
    if (selector.port_first == selector.port_last) {
        return port_name(selector.port_first, protocol);
    }
    // RFC 7296 3.13.1: 65535 to 0 is OPAQUE.
    if (selector.port_first > selector.port_last) { return "OPAQUE"; }
    return fmt::format("{}-{}", selector.port_first, selector.port_last);
}

std::string addresses_text(const IpRange& range) {
    if (const auto prefix = range.prefix()) {
        return fmt::format("{}/{}", range.first.to_string(), *prefix);
    }
    return fmt::format("{}..{}", range.first.to_string(), range.last.to_string());
}

}  // namespace

std::string selector_text(const TrafficSelector& selector, bool dynamic) {
    const std::string addresses =
        dynamic ? std::string{"dynamic"} : addresses_text(selector.addresses);
    if (selector.protocol == 0 && selector.any_port()) { return addresses; }
    const std::string protocol =
        selector.protocol == 0 ? std::string{"0"} : protocol_name(selector.protocol);
    if (selector.any_port()) { return fmt::format("{}[{}]", addresses, protocol); }
    return fmt::format("{}[{}/{}]", addresses, protocol, ports_text(selector, protocol));
}

}  // namespace culvert::daemon
