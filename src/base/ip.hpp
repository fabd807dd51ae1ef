#pragma once
// Addresses, subnets, ranges and endpoints of both families. Plain values, ordered, hashable.

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace culvert {

enum class IpFamily : std::uint8_t { v4, v6 };

class IpAddress {
 public:
    // 0.0.0.0
    constexpr IpAddress() = default;
    static IpAddress v4(std::uint32_t host_order) {
        // In one store of 16 octets: what is stored in pieces stalls who copies it right
        // afterwards.
        using Words = std::uint64_t __attribute__((vector_size(16)));
        const std::uint32_t first =
            std::endian::native == std::endian::little ? __builtin_bswap32(host_order) : host_order;
        const Words words{std::endian::native == std::endian::little ? std::uint64_t{first}
                                                                     : std::uint64_t{first} << 32U,
                          0};
        IpAddress out;
        std::memcpy(out.octets_.data(), &words, sizeof words);
        return out;
    }
    static constexpr IpAddress v6(std::span<const std::uint8_t, 16> octets) {
        IpAddress out;
        out.family_ = Family{std::to_underlying(IpFamily::v6)};
        std::copy_n(octets.begin(), 16, out.octets_.begin());
        return out;
    }
    static IpAddress any(IpFamily family);
    // 4 octets make an IPv4, 16 an IPv6 address; nothing else does.
    static std::optional<IpAddress> from_octets(ByteView octets);
    static std::optional<IpAddress> parse(std::string_view text);

    IpFamily family() const { return static_cast<IpFamily>(family_); }
    bool is_v4() const { return family() == IpFamily::v4; }
    bool is_v6() const { return family() == IpFamily::v6; }
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
    friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
        if (a.family_ != b.family_) { return a.family_ <=> b.family_; }
        if (const auto high = a.word(0) <=> b.word(0); high != 0) { return high; }
        return a.word(8) <=> b.word(8);
    }
    friend bool operator==(const IpAddress& a, const IpAddress& b) {
        return a.family_ == b.family_ && a.word(0) == b.word(0) && a.word(8) == b.word(8);
    }

 private:
    // Eight octets as a number. Packets are compared with selectors: not octet by octet.
    std::uint64_t word(std::size_t at) const {
        std::uint64_t out = 0;
        std::memcpy(&out, octets_.data() + at, sizeof out);
        return std::endian::native == std::endian::little ? __builtin_bswap64(out) : out;
    }

    // Both are copied as they were stored, in one piece each: see v4().
    alignas(4) std::array<std::uint8_t, 16> octets_{};
    enum class Family : std::uint32_t {};
    Family family_{};
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
