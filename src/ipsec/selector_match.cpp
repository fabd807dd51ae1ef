#include <algorithm>

#include "ipsec/spd.hpp"

namespace culvert::ipsec {
namespace {

// RFC 4301 4.4.1.1: ANY takes everything, also what shows no ports; OPAQUE takes only that; a range
// takes what shows a port in it.
bool matches_port(const TrafficSelector& selector, bool has_ports, std::uint16_t port) {
    if (selector.any_port()) { return true; }
    if (selector.opaque_ports()) { return !has_ports; }
    return has_ports && selector.port_first <= port && port <= selector.port_last;
}

bool matches_one(const TrafficSelector& selector, const PacketInfo& packet,
                 const IpAddress& address, std::uint16_t port) {
    return (selector.protocol == 0 || selector.protocol == packet.protocol) &&
           selector.addresses.first.family() == packet.family &&
           selector.addresses.first <= address && address <= selector.addresses.last &&
           matches_port(selector, packet.has_ports, port);
}

bool matches_any(const TrafficSelectors& selectors, const PacketInfo& packet,
                 const IpAddress& address, std::uint16_t port) {
    return std::ranges::any_of(selectors, [&](const TrafficSelector& selector) {
        return matches_one(selector, packet, address, port);
    });
}

// Bits of an address range that are fixed, at most `bits`.
std::uint32_t fixed_bits(const IpRange& range) {
    if (const auto prefix = range.prefix()) { return *prefix; }
    std::uint32_t same = 0;
    const ByteView first = range.first.octets();
    const ByteView last = range.last.octets();
    while (same < range.first.bits() &&
           ((first[same / 8] ^ last[same / 8]) >> (7 - same % 8) & 1U) == 0) {
        ++same;
    }
    return same;
}

// 0 (a single host and port) upwards; wider is more.
std::uint32_t width(const TrafficSelectors& selectors) {
    std::uint32_t widest = 0;
    for (const TrafficSelector& selector : selectors) {
        const std::uint32_t host_bits =
            selector.addresses.first.bits() - fixed_bits(selector.addresses);
        // Addresses weigh most, then the protocol, then ports. IPv4 and IPv6 are never compared.
        std::uint32_t value = host_bits * 8;
        if (selector.protocol == 0) { value += 4; }
        if (selector.any_port()) {
            value += 2;
        } else if (selector.port_first != selector.port_last) {
            value += 1;
        }
        widest = std::max(widest, value);
    }
    return widest;
}

}  // namespace

bool matches_outbound(const PacketInfo& packet, const TrafficSelectors& local,
                      const TrafficSelectors& remote) {
    return matches_any(local, packet, packet.source, packet.source_port) &&
           matches_any(remote, packet, packet.destination, packet.destination_port);
}

bool matches_inbound(const PacketInfo& packet, const TrafficSelectors& local,
                     const TrafficSelectors& remote) {
    return matches_any(local, packet, packet.destination, packet.destination_port) &&
           matches_any(remote, packet, packet.source, packet.source_port);
}

std::uint32_t computed_priority(PolicyAction action, bool trap, const TrafficSelectors& local,
                                const TrafficSelectors& remote) {
    // Classes leave room below for priorities that an operator sets.
    std::uint32_t base = 200'000;
    if (action != PolicyAction::protect) {
        base = 100'000;
    } else if (trap) {
        base = 300'000;
    }
    return base + width(local) + width(remote);
}

SpdEntry entry_of(const Policy& policy) {
    const bool trap = policy.action == PolicyAction::protect;
    return {.action = policy.action,
            .reqid = policy.reqid,
            .local = policy.local_ts,
            .remote = policy.remote_ts,
            .priority = policy.priority != 0 ? policy.priority
                                             : computed_priority(policy.action, trap,
                                                                 policy.local_ts, policy.remote_ts),
            .trap = trap};
}

SpdEntry entry_of(const ChildSa& sa) {
    return {.action = PolicyAction::protect,
            .reqid = sa.reqid,
            .local = sa.local_ts,
            .remote = sa.remote_ts,
            .priority = sa.priority != 0 ? sa.priority
                                         : computed_priority(PolicyAction::protect, false,
                                                             sa.local_ts, sa.remote_ts)};
}

std::optional<SpdEntry> rest_of(const SpdEntry& entry) {
    const auto limited = [](const TrafficSelector& selector) {
        return selector.protocol != 0 || !selector.any_port();
    };
    if (entry.action == PolicyAction::bypass || (std::ranges::none_of(entry.local, limited) &&
                                                 std::ranges::none_of(entry.remote, limited))) {
        return std::nullopt;
    }
    const auto addresses_of = [](const TrafficSelectors& selectors) {
        TrafficSelectors out;
        for (const TrafficSelector& selector : selectors) {
            const TrafficSelector wide = TrafficSelector::of(selector.addresses);
            if (std::ranges::find(out, wide) == out.end()) { out.push_back(wide); }
        }
        return out;
    };
    return SpdEntry{.action = PolicyAction::bypass,
                    .local = addresses_of(entry.local),
                    .remote = addresses_of(entry.remote),
                    .priority = std::numeric_limits<std::uint32_t>::max(),
                    .direction = SpdDirection::outbound};
}

}  // namespace culvert::ipsec
