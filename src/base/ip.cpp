#include "base/ip.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "base/assert.hpp"

namespace culvert {
namespace {

std::optional<unsigned> parse_number(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value > most) {
        return std::nullopt;
    }
    return value;
}

// `address` with every bit behind `prefix` set to `bit`.
IpAddress fill_host_bits(const IpAddress& address, unsigned prefix, bool bit) {
    Bytes octets = to_bytes(address.octets());
    for (unsigned i = prefix; i < address.bits(); ++i) {
        const auto mask = static_cast<std::uint8_t>(0x80U >> (i % 8));
        octets[i / 8] =
            static_cast<std::uint8_t>(bit ? octets[i / 8] | mask : octets[i / 8] & ~mask);
    }
    return *IpAddress::from_octets(octets);
}

}  // namespace

IpAddress IpAddress::any(IpFamily family) {
    IpAddress out;
    out.family_ = Family{std::to_underlying(family)};
    return out;
}

std::optional<IpAddress> IpAddress::from_octets(ByteView octets) {
    if (octets.size() != 4 && octets.size() != 16) { return std::nullopt; }
    IpAddress out;
    out.family_ = Family{std::to_underlying(octets.size() == 4 ? IpFamily::v4 : IpFamily::v6)};
    std::ranges::copy(octets, out.octets_.begin());
    return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated{text};
    if (terminated.size() != text.size() || terminated.find('\0') != std::string::npos) {
        return std::nullopt;
    }
    IpAddress out;
    if (inet_pton(AF_INET, terminated.c_str(), out.octets_.data()) == 1) { return out; }
    out.octets_ = {};
    out.family_ = Family{std::to_underlying(IpFamily::v6)};
    if (inet_pton(AF_INET6, terminated.c_str(), out.octets_.data()) == 1) { return out; }
    return std::nullopt;
}

bool IpAddress::is_any() const {
    return std::ranges::all_of(octets(), [](std::uint8_t octet) { return octet == 0; });
}

bool IpAddress::is_loopback() const {
    if (is_v4()) { return octets_[0] == 127; }
    return std::ranges::all_of(octets().first(15), [](std::uint8_t octet) { return octet == 0; }) &&
           octets_[15] == 1;
}

bool IpAddress::is_link_local() const {
    if (is_v4()) { return octets_[0] == 169 && octets_[1] == 254; }
    return octets_[0] == 0xfe && (octets_[1] & 0xc0U) == 0x80;
}

bool IpAddress::is_multicast() const {
    return is_v4() ? (octets_[0] & 0xf0U) == 0xe0 : octets_[0] == 0xff;
}

std::uint32_t IpAddress::v4_host_order() const {
    ASSERT(is_v4());
    std::uint32_t value = 0;
    for (const std::uint8_t octet : octets()) { value = (value << 8U) | octet; }
    return value;
}

std::optional<IpAddress> IpAddress::next() const {
    IpAddress out = *this;
    for (std::size_t i = octets().size(); i-- > 0;) {
        if (++out.octets_.at(i) != 0) { return out; }
    }
    return std::nullopt;
}

std::optional<IpAddress> IpAddress::previous() const {
    IpAddress out = *this;
    for (std::size_t i = octets().size(); i-- > 0;) {
        if (out.octets_.at(i)-- != 0) { return out; }
    }
    return std::nullopt;
}

std::string IpAddress::to_string() const {
    // Said with each message that comes and goes: inet_ntop() takes several times as long.
    if (is_v4()) {
        return fmt::format("{}.{}.{}.{}", octets_[0], octets_[1], octets_[2], octets_[3]);
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(AF_INET6, octets_.data(), text.data(), text.size());
    return text.data();
}

std::optional<IpRange> IpRange::make(IpAddress first, IpAddress last) {
    if (first.family() != last.family() || last < first) { return std::nullopt; }
    return IpRange{first, last};
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
    if (const auto dash = text.find('-'); dash != std::string_view::npos) {
        const auto first = IpAddress::parse(text.substr(0, dash));
        const auto last = IpAddress::parse(text.substr(dash + 1));
        if (!first || !last) { return std::nullopt; }
        return make(*first, *last);
    }
    const auto subnet = IpSubnet::parse(text);
    if (!subnet) { return std::nullopt; }
    return subnet->range();
}

IpRange IpRange::everything(IpFamily family) { return IpSubnet{IpAddress::any(family), 0}.range(); }

bool IpRange::contains(const IpAddress& address) const {
    return address.family() == family() && first <= address && address <= last;
}

bool IpRange::contains(const IpRange& other) const {
    return contains(other.first) && contains(other.last);
}

std::optional<IpRange> IpRange::intersect(const IpRange& other) const {
    if (family() != other.family()) { return std::nullopt; }
    return make(std::max(first, other.first), std::min(last, other.last));
}

std::optional<unsigned> IpRange::prefix() const {
    // The common leading bits; the rest must be all zero in first and all one in last.
    unsigned length = 0;
    const auto bit = [](const IpAddress& address, unsigned i) {
        return (address.octets()[i / 8] >> (7 - i % 8)) & 1U;
    };
    while (length < first.bits() && bit(first, length) == bit(last, length)) { ++length; }
    if (fill_host_bits(first, length, false) != first ||
        fill_host_bits(first, length, true) != last) {
        return std::nullopt;
    }
    return length;
}

std::string IpRange::to_string() const {
    if (first == last) { return first.to_string(); }
    if (const auto length = prefix()) { return fmt::format("{}/{}", first.to_string(), *length); }
    return fmt::format("{}-{}", first.to_string(), last.to_string());
}

std::optional<IpSubnet> IpSubnet::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) { return std::nullopt; }
    if (slash == std::string_view::npos) { return IpSubnet{*address, address->bits()}; }
    const auto prefix = parse_number(text.substr(slash + 1), address->bits());
    if (!prefix) { return std::nullopt; }
    return IpSubnet{*address, *prefix};
}

IpAddress IpSubnet::network() const { return fill_host_bits(address, prefix, false); }

IpRange IpSubnet::range() const { return {network(), fill_host_bits(address, prefix, true)}; }

std::string IpSubnet::to_string() const {
    return fmt::format("{}/{}", address.to_string(), prefix);
}

std::vector<IpSubnet> subnets_of(const IpRange& range) {
    std::vector<IpSubnet> out;
    std::optional<IpAddress> at = range.first;
    while (at && *at <= range.last) {
        // The widest subnet that begins here and does not pass the end.
        unsigned prefix = at->bits();
        while (prefix > 0) {
            const IpSubnet wider{*at, prefix - 1};
            if (wider.network() != *at || wider.range().last > range.last) { break; }
            --prefix;
        }
        out.push_back({*at, prefix});
        at = out.back().range().last.next();
    }
    return out;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    if (const auto address = IpAddress::parse(text)) { return Endpoint{*address, 0}; }
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) { return std::nullopt; }
    std::string_view host = text.substr(0, colon);
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) { host = host.substr(1, host.size() - 2); }
    const auto address = IpAddress::parse(host);
    const auto port = parse_number(text.substr(colon + 1), 65535);
    if (!address || !port || address->is_v6() != bracketed) { return std::nullopt; }
    return Endpoint{*address, static_cast<std::uint16_t>(*port)};
}

std::string Endpoint::to_string() const { return fmt::format("{}[{}]", address.to_string(), port); }

}  // namespace culvert

std::size_t std::hash<culvert::IpAddress>::operator()(
    const culvert::IpAddress& address) const noexcept {
    return std::hash<std::string_view>{}(culvert::as_text(address.octets()));
}

std::size_t std::hash<culvert::Endpoint>::operator()(
    const culvert::Endpoint& endpoint) const noexcept {
    return std::hash<culvert::IpAddress>{}(endpoint.address) * 31 + endpoint.port;
}
