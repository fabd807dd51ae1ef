#pragma once
// Addresses, subnets, ranges and endpoints of both families. Plain values, ordered, hashable.

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace culvert {

enum class IpFamily : std::uint8_t { v4, v6 };

class IpAddress {
 public:
    // 0.0.0.0
    constexpr IpAddress() = default;
    static IpAddress v4(std::uint32_t host_order);
    static IpAddress any(IpFamily family);
    // 4 octets make an IPv4, 16 an IPv6 address; nothing else does.
    static std::optional<IpAddress> from_octets(ByteView octets);
    static std::optional<IpAddress> parse(std::string_view text);

    IpFamily family() const { return family_; }
    bool is_v4() const { return family_ == IpFamily::v4; }
    bool is_v6() const { return family_ == IpFamily::v6; }
    // All zeros.
    bool is_any() const;
    bool is_loopback() const;
    bool is_link_local() const;
    bool is_multicast() const;
    // 32 or 128.
    unsigned bits() const { return is_v4() ? 32 : 128; }

    // 4 or 16 octets in network order.
    ByteView octets() const { return {octets_.data(), is_v4() ? std::size_t{4} : std::size_t{16}}; }
    std::uint32_t v4_host_order() const;

    // The address before or after this one; nothing at the end of the space.
    std::optional<IpAddress> next() const;
    std::optional<IpAddress> previous() const;

    std::string to_string() const;

    // IPv4 sorts before IPv6, then by value.
    friend auto operator<=>(const IpAddress&, const IpAddress&) = default;
    friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
    IpFamily family_ = IpFamily::v4;
    std::array<std::uint8_t, 16> octets_{};
};

// First and last address, both included, of one family, first <= last.
struct IpRange {
    IpAddress first;
    IpAddress last;

    static std::optional<IpRange> make(IpAddress first, IpAddress last);
    // "10.0.0.1-10.0.0.9", a subnet or one address.
    static std::optional<IpRange> parse(std::string_view text);
    static IpRange everything(IpFamily family);

    IpFamily family() const { return first.family(); }
    bool contains(const IpAddress& address) const;
    bool contains(const IpRange& other) const;
    std::optional<IpRange> intersect(const IpRange& other) const;
    // The prefix length if the range is exactly one subnet.
    std::optional<unsigned> prefix() const;
    // As a subnet, as one address, or as "first-last".
    std::string to_string() const;

    friend auto operator<=>(const IpRange&, const IpRange&) = default;
    friend bool operator==(const IpRange&, const IpRange&) = default;
};

// An address with a prefix length; host bits may be set ("10.1.0.5/24" for an interface).
struct IpSubnet {
    IpAddress address;
    unsigned prefix = 0;

    // "a/len"; without "/len" the single address.
    static std::optional<IpSubnet> parse(std::string_view text);
    IpAddress network() const;
    IpRange range() const;
    bool contains(const IpAddress& other) const { return range().contains(other); }
    std::string to_string() const;

    friend auto operator<=>(const IpSubnet&, const IpSubnet&) = default;
    friend bool operator==(const IpSubnet&, const IpSubnet&) = default;
};

// The fewest subnets that cover exactly this range, in order.
std::vector<IpSubnet> subnets_of(const IpRange& range);

// Where a datagram comes from or goes to. Port 0 means that none is known or meant.
struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    // "10.0.0.1:500", "[fd00::1]:500", or an address alone (port 0).
    static std::optional<Endpoint> parse(std::string_view text);
    // "10.0.0.1[500]" as IPsec daemons write it, for both families.
    std::string to_string() const;

    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace culvert

template <>
struct std::hash<culvert::IpAddress> {
    std::size_t operator()(const culvert::IpAddress& address) const noexcept;
};
template <>
struct std::hash<culvert::Endpoint> {
    std::size_t operator()(const culvert::Endpoint& endpoint) const noexcept;
};
