// Traffic Selector payloads, RFC 7296 3.13.

#include <algorithm>
#include <utility>

#include "ike/wire/limits.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::wire {
namespace {

// 3.13.1
constexpr std::uint8_t ts_ipv4_addr_range = 7;
constexpr std::uint8_t ts_ipv6_addr_range = 8;

// Octets of one address; 0 if the type is not known.
std::size_t address_size(std::uint8_t type) {
    switch (type) {
        case ts_ipv4_addr_range: return 4;
        case ts_ipv6_addr_range: return 16;
        default: return 0;
    }
}

// A selector in which some packet could be; nothing when a start lies above its end.
std::optional<TrafficSelector> parse_selector(std::uint8_t protocol, ByteView body,
                                              std::size_t address) {
    Reader in{body};
    TrafficSelector ts{.protocol = protocol};
    ts.port_first = in.u16();
    ts.port_last = in.u16();
    const auto first = IpAddress::from_octets(in.bytes(address));
    const auto last = IpAddress::from_octets(in.bytes(address));
    if (!first || !last) { return {}; }
    const auto range = IpRange::make(*first, *last);
    if (!range || (ts.port_first > ts.port_last && !ts.opaque_ports())) { return {}; }
    ts.addresses = *range;
    return ts;
}

void write_selector(Writer& out, const TrafficSelector& ts) {
    const ByteView first = ts.addresses.first.octets();
    out.u8(ts.addresses.family() == IpFamily::v4 ? ts_ipv4_addr_range : ts_ipv6_addr_range);
    out.u8(ts.protocol);
    out.u16(static_cast<std::uint16_t>(8 + 2 * first.size()));
    out.u16(ts.port_first);
    out.u16(ts.port_last);
    out.bytes(first);
    out.bytes(ts.addresses.last.octets());
}

void write_unknown(Writer& out, const UnknownSelector& unknown) {
    out.u8(unknown.type);
    out.u8(unknown.protocol);
    out.u16(static_cast<std::uint16_t>(4 + unknown.body.size()));
    out.bytes(unknown.body);
}

}  // namespace

template <PayloadType type>
Result<Selectors<type>> Selectors<type>::parse(Reader& in) {
    Selectors out;
    const std::size_t count = in.u8();
    in.skip(3);
    for (std::size_t i = 0; i < count && !in.failed(); ++i) {
        const std::uint8_t ts_type = in.u8();
        const std::uint8_t protocol = in.u8();
        const std::size_t length = in.u16();
        const std::size_t address = address_size(ts_type);
        if (length < 4) { in.fail("has a selector shorter than its header"); }
        if (address != 0 && length != 8 + 2 * address) {
            in.fail("has a selector whose length is not its type's");
        }
        if (in.failed()) { break; }
        const ByteView body = in.bytes(length - 4);
        const auto selector = parse_selector(protocol, body, address);
        if (selector) {
            out.selectors.push_back(*selector);
        } else {
            out.unknown.push_back({ts_type, protocol, to_bytes(body), i});
        }
    }
    return in.finish(std::move(out), "Traffic Selector payload");
}

template <PayloadType type>
void Selectors<type>::write(Writer& out) const {
    // More than the count can say are left out: asking for less is allowed (RFC 7296 2.9).
    const std::size_t count = std::min(selectors.size() + unknown.size(), selectors_max);
    out.u8(static_cast<std::uint8_t>(count));
    out.zeros(3);
    auto next_unknown = unknown.begin();
    auto next = selectors.begin();
    for (std::size_t i = 0; i < count; ++i) {
        const bool unknown_here = next_unknown != unknown.end() &&
                                  (next_unknown->position == i || next == selectors.end());
        if (unknown_here) {
            write_unknown(out, *next_unknown++);
        } else {
            write_selector(out, *next++);
        }
    }
}

template struct Selectors<PayloadType::ts_initiator>;
template struct Selectors<PayloadType::ts_responder>;

}  // namespace culvert::ike::wire
