#include "ipsec/reassembly.hpp"

#include <algorithm>
#include <utility>

#include "ipsec/header_fields.hpp"

namespace culvert::ipsec {
namespace {

// What a piece costs beside its octets.
constexpr std::size_t piece_cost = 64;
constexpr std::uint32_t data_max = 65535;
constexpr std::uint8_t next_fragment = 44;

}  // namespace

Reassembler::Taken Reassembler::take(ByteView packet, const PacketInfo& info, Instant now) {
    Fragment fragment;
    if (!read(packet, info, fragment)) { return {.dropped = DropReason::inbound_malformed}; }
    const std::size_t whole = fragment.offset + fragment.data.size() + fragment.header.size();
    if (whole > (info.family == IpFamily::v4 ? data_max : data_max + 40)) {
        // RFC 791 3.2: no packet is that long ("ping of death").
        return {.dropped = DropReason::inbound_malformed};
    }
    Set& set = set_of(fragment.key, now);
    if (set.refused) { return {.dropped = DropReason::reassembly_overlap}; }
    if (is_duplicate(set, fragment)) { return {}; }
    if (!fits(set, fragment)) { return refuse(set, DropReason::reassembly_overlap); }
    if (set.pieces.size() >= limits_.pieces ||
        set.charged + fragment.data.size() + piece_cost > limits_.octets) {
        return refuse(set, DropReason::reassembly_limit);
    }
    set.ecn_seen = static_cast<std::uint8_t>(set.ecn_seen | 1U << (info.traffic_class & 3U));
    insert(set, fragment);
    if (set.size != 0 && set.together == set.size && !set.header.empty()) {
        return join(sets_.find(fragment.key));
    }
    while (octets_ > limits_.octets) { evict_oldest(nullptr); }
    return {};
}

bool Reassembler::read(ByteView packet, const PacketInfo& info, Fragment& out) {
    out.key.source = info.source;
    out.key.destination = info.destination;
    const ByteView whole = packet.first(info.total_size);
    if (info.family == IpFamily::v6) {
        if (!read_v6(whole, out)) { return false; }
    } else {
        const std::uint16_t flags = get_u16(whole, 6);
        out.key.identification = info.identification;
        out.key.protocol = info.protocol;
        out.offset = (flags & 0x1fffU) * 8U;
        out.more = (flags & 0x2000U) != 0;
        out.data = whole.subspan(info.header_size);
        out.header = to_bytes(whole.first(info.header_size));
        out.next_header_at = 9;
        out.next_header = info.protocol;
    }
    // All but the last carry whole words of 8 octets; none is empty.
    return !out.data.empty() && (!out.more || out.data.size() % 8 == 0);
}

// The per-fragment headers end with the fragment header (RFC 8200 4.5).
bool Reassembler::read_v6(ByteView packet, Fragment& out) {
    std::size_t at = 40;
    std::size_t named_at = 6;
    std::uint8_t next = packet[6];
    for (unsigned i = 0; next != next_fragment; ++i) {
        // parse_packet() has walked this chain and found its sizes right.
        if (i == extension_headers_max || at + 8 > packet.size()) { return false; }
        named_at = at;
        next = packet[at];
        at += (packet[at + 1] + 1U) * 8U;
    }
    if (at + 8 > packet.size()) { return false; }
    const std::uint16_t offset = get_u16(packet, at + 2);
    out.offset = offset & 0xfff8U;
    out.more = (offset & 1U) != 0;
    out.key.identification = get_u32(packet, at + 4);
    out.data = packet.subspan(at + 8);
    out.header = to_bytes(packet.first(at));
    out.next_header_at = named_at;
    out.next_header = packet[at];
    return true;
}

Reassembler::Set& Reassembler::set_of(const Key& key, Instant now) {
    const auto known = sets_.find(key);
    if (known != sets_.end()) {
        if (now - known->second.since < limits_.age) { return known->second; }
        octets_ -= known->second.charged;
        sets_.erase(known);
    }
    make_room(key);
    Set& set = sets_[key];
    set.since = now;
    return set;
}

void Reassembler::make_room(const Key& key) {
    const auto of_source = std::ranges::count_if(
        sets_, [&](const auto& entry) { return entry.first.source == key.source; });
    if (static_cast<std::size_t>(of_source) >= limits_.sets_a_source) { evict_oldest(&key.source); }
    if (sets_.size() >= limits_.sets) { evict_oldest(nullptr); }
}

void Reassembler::evict_oldest(const IpAddress* source) {
    auto oldest = sets_.end();
    for (auto at = sets_.begin(); at != sets_.end(); ++at) {
        if (source != nullptr && at->first.source != *source) { continue; }
        if (oldest == sets_.end() || at->second.since < oldest->second.since) { oldest = at; }
    }
    if (oldest == sets_.end()) { return; }
    octets_ -= oldest->second.charged;
    if (!oldest->second.refused) { ++evicted_; }
    sets_.erase(oldest);
}

Reassembler::Taken Reassembler::refuse(Set& set, DropReason reason) {
    octets_ -= set.charged;
    const Instant since = set.since;
    set = Set{};
    set.since = since;
    set.refused = true;
    return {.dropped = reason};
}

bool Reassembler::is_duplicate(const Set& set, const Fragment& fragment) {
    return std::ranges::any_of(set.pieces, [&](const Piece& piece) {
        return piece.offset == fragment.offset && std::ranges::equal(piece.octets, fragment.data) &&
               (fragment.more ? piece.end() != set.size : piece.end() == set.size);
    });
}

bool Reassembler::fits(const Set& set, const Fragment& fragment) {
    const std::uint32_t end = fragment.offset + static_cast<std::uint32_t>(fragment.data.size());
    if (set.size != 0 && (!fragment.more || end > set.size)) { return false; }
    if (!fragment.more && !set.pieces.empty() && set.pieces.back().end() > end) { return false; }
    return std::ranges::none_of(set.pieces, [&](const Piece& piece) {
        return fragment.offset < piece.end() && piece.offset < end;
    });
}

void Reassembler::insert(Set& set, Fragment& fragment) {
    Piece piece{.offset = fragment.offset, .octets = to_bytes(fragment.data)};
    if (fragment.offset == 0) {
        set.header = std::move(fragment.header);
        set.next_header_at = fragment.next_header_at;
        set.next_header = fragment.next_header;
    }
    if (!fragment.more) { set.size = piece.end(); }
    set.together += static_cast<std::uint32_t>(piece.octets.size());
    set.charged += piece.octets.size() + piece_cost;
    octets_ += piece.octets.size() + piece_cost;
    const auto at = std::ranges::upper_bound(set.pieces, piece.offset, {}, &Piece::offset);
    set.pieces.insert(at, std::move(piece));
}

Reassembler::Taken Reassembler::join(Sets::iterator at) {
    Set set = std::move(at->second);
    octets_ -= set.charged;
    sets_.erase(at);
    const bool v4 = set.header[0] >> 4U == 4;
    const std::size_t whole = set.header.size() + set.size;
    if (whole > (v4 ? data_max : data_max + 40)) {
        return {.dropped = DropReason::inbound_malformed};
    }
    // RFC 3168 5.3: congestion that one piece met is the packet's; but not of one that cannot say
    // so.
    constexpr unsigned not_ect_bit = 1;
    constexpr unsigned ce_bit = 8;
    const bool ce = (set.ecn_seen & ce_bit) != 0;
    if (ce && (set.ecn_seen & not_ect_bit) != 0) { return {.dropped = DropReason::inbound_ecn}; }
    Taken out;
    out.packet = std::move(set.header);
    out.packet.reserve(whole);
    for (const Piece& piece : set.pieces) { append(out.packet, piece.octets); }
    const MutableByteView packet{out.packet};
    packet[set.next_header_at] = set.next_header;
    if (v4) {
        set_u16(packet, 2, static_cast<std::uint16_t>(whole));
        set_u16(packet, 6, 0);
        set_ipv4_checksum(packet.first((packet[0] & 0x0fU) * std::size_t{4}));
    } else {
        set_u16(packet, 4, static_cast<std::uint16_t>(whole - 40));
    }
    if (ce) {
        const unsigned before = v4 ? packet[1] : get_u32(packet, 0) >> 20U;
        set_traffic_class(packet, static_cast<std::uint8_t>(before | 3U));
    }
    return out;
}

std::size_t Reassembler::expire(Instant now) {
    std::size_t gone = 0;
    for (auto at = sets_.begin(); at != sets_.end();) {
        if (now - at->second.since < limits_.age) {
            ++at;
            continue;
        }
        gone += at->second.refused ? 0 : 1;
        octets_ -= at->second.charged;
        at = sets_.erase(at);
    }
    return gone;
}

std::size_t Reassembler::take_evicted() { return std::exchange(evicted_, 0); }

}  // namespace culvert::ipsec
