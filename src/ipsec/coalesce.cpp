#include "ipsec/coalesce.hpp"

#include <bit>
#include <cstring>

#include "ipsec/checksum.hpp"
#include "ipsec/header_fields.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::size_t super_packet_max = 65535;
constexpr std::uint8_t tcp_psh = 0x08;
constexpr std::uint8_t tcp_ack = 0x10;
constexpr std::uint8_t tcp_ece = 0x40;

std::uint64_t mix(std::uint64_t hash, std::uint64_t word) {
    hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 32U;
}

// Names a flow; two flows that share a name are only flushed together.
std::uint64_t flow_of(ByteView packet, const PacketInfo& info) {
    const bool v4 = info.family == IpFamily::v4;
    const std::size_t at = v4 ? 12 : 8;
    const std::size_t words = v4 ? 1 : 4;
    std::uint64_t hash = info.protocol;
    for (std::size_t i = 0; i < words; ++i) {
        std::uint64_t word = 0;
        std::memcpy(&word, packet.data() + at + 8 * i, 8);
        hash = mix(hash, word);
    }
    return mix(hash, std::uint64_t{info.source_port} << 16U | info.destination_port);
}

// Of an IPv4 header without options: all ones when its checksum is right.
std::uint16_t header_sum(ByteView packet) {
    const std::uint64_t sum = std::uint64_t{get_u32(packet, 0)} + get_u32(packet, 4) +
                              get_u32(packet, 8) + get_u32(packet, 12) + get_u32(packet, 16);
    return fold(
        static_cast<std::uint32_t>((sum >> 32U) + (sum >> 16U & 0xffffU) + (sum & 0xffffU)));
}

// Addresses, next-layer protocol and length: what TCP and UDP checksums cover beside themselves.
std::uint16_t pseudo_sum(ByteView packet, bool v6, std::size_t length, bool tcp) {
    std::uint32_t addresses = 0;
    if (v6) {
        addresses = internet_sum(packet.subspan(8, 32));
    } else {
        const std::uint64_t sum = std::uint64_t{get_u32(packet, 12)} + get_u32(packet, 16);
        addresses =
            static_cast<std::uint32_t>((sum >> 32U) + (sum >> 16U & 0xffffU) + (sum & 0xffffU));
    }
    return fold(addresses + static_cast<std::uint32_t>(length) +
                (tcp ? protocol_tcp : protocol_udp));
}

// The local stack takes a super-packet's checksums for verified: corruption from before the tunnel
// must not become invisible.
bool checksums_hold(ByteView packet, std::size_t transport_at, bool v6, bool tcp) {
    if (!v6 && header_sum(packet) != 0xffff) { return false; }
    const ByteView transport = packet.subspan(transport_at);
    const std::uint32_t sum =
        std::uint32_t{internet_sum(transport)} + pseudo_sum(packet, v6, transport.size(), tcp);
    return fold(sum) == 0xffff;
}

// Not zero where the two differ.
template <class Word>
std::uint64_t changed(const std::uint8_t* a, const std::uint8_t* b, std::size_t at) {
    Word one = 0;
    Word other = 0;
    std::memcpy(&one, a + at, sizeof one);
    std::memcpy(&other, b + at, sizeof other);
    return static_cast<Word>(one ^ other);
}

bool same(ByteView a, ByteView b, std::size_t from, std::size_t to) {
    return std::memcmp(a.data() + from, b.data() + from, to - from) == 0;
}

}  // namespace

void Coalescer::add(MutableByteView packet, const PacketInfo& info) {
    if (Group& newest = groups_[newest_]; continues(newest, packet)) {
        append(newest, packet, (packet[newest.first.transport_at + 13] & tcp_psh) != 0);
        return;
    }
    Candidate next;
    if (!examine(packet, info, next)) {
        // A fragment shows no ports: it may belong to any flow.
        if (info.has_ports && !info.fragment) {
            give_flow(flow_of(packet, info));
        } else {
            flush();
        }
        pass(packet);
        return;
    }
    for (Group& group : groups_) {
        if (group.packets == 0 || group.first.flow != next.flow) { continue; }
        if (follows(group, next)) {
            newest_ = static_cast<std::size_t>(&group - groups_.data());
            append(group, packet, next.ends);
            return;
        }
        give(group);
    }
    if (next.ends) {
        pass(packet);
    } else {
        open(next);
    }
}

void Coalescer::flush() {
    for (Group& group : groups_) { give(group); }
}

bool Coalescer::examine(MutableByteView packet, const PacketInfo& info, Candidate& out) const {
    out.packet = packet;
    out.tcp = info.protocol == protocol_tcp;
    out.v6 = info.family == IpFamily::v6;
    out.transport_at = out.v6 ? 40 : 20;
    const bool wanted = out.tcp ? kinds_.tcp : info.protocol == protocol_udp && kinds_.udp;
    // No options and no extension headers: they would have to be the same, and are rare.
    if (!wanted || info.fragment || !info.has_ports || info.header_size != out.transport_at) {
        return false;
    }
    const std::size_t least = out.tcp ? 20 : 8;
    if (packet.size() <= out.transport_at + least) { return false; }
    const MutableByteView transport = packet.subspan(out.transport_at);
    if (out.tcp) {
        const std::size_t tcp_size = std::size_t{transport[12]} >> 4U << 2U;
        const std::uint8_t flags = transport[13];
        const bool plain = (transport[12] & 0x0fU) == 0 && (flags & tcp_ack) != 0 &&
                           (flags & ~(tcp_ack | tcp_psh | tcp_ece)) == 0;
        if (!plain || tcp_size < 20 || transport.size() <= tcp_size) { return false; }
        out.header_size = out.transport_at + tcp_size;
        out.ends = (flags & tcp_psh) != 0;
        out.sequence = get_u32(transport, 4);
    } else {
        if (get_u16(transport, 4) != transport.size() || get_u16(transport, 6) == 0) {
            return false;
        }
        out.header_size = out.transport_at + 8;
    }
    if (!checksums_hold(packet, out.transport_at, out.v6, out.tcp)) { return false; }
    out.identification = out.v6 ? std::uint16_t{0} : get_u16(packet, 4);
    out.flow = flow_of(packet, info);
    return true;
}

bool Coalescer::follows(const Group& group, const Candidate& next) {
    const Candidate& first = group.first;
    return next.tcp == first.tcp && next.v6 == first.v6 && next.header_size == first.header_size &&
           next.payload() <= first.payload() && group.packets < coalesced_packets_max &&
           group.size + next.payload() <= super_packet_max &&
           (!next.tcp || next.sequence == group.next_sequence) && same_headers(first, next) &&
           (next.v6 || next.identification ==
                           static_cast<std::uint16_t>(first.identification + group.packets));
}

// All that the segments of one super-packet share.
bool Coalescer::same_headers(const Candidate& first, const Candidate& next) {
    const ByteView a = first.packet;
    const ByteView b = next.packet;
    const std::size_t at = first.transport_at;
    if (first.v6) {
        // Version, traffic class, flow label; next header, hop limit, addresses.
        if (!same(a, b, 0, 4) || !same(a, b, 6, 40)) { return false; }
    } else {
        // TOS; DF, TTL, protocol; addresses.
        if (!same(a, b, 0, 2) || !same(a, b, 6, 10) || !same(a, b, 12, 20)) { return false; }
    }
    if (!same(a, b, at, at + 4)) { return false; }
    if (!first.tcp) { return true; }
    const auto flags = static_cast<std::uint8_t>((a[at + 13] ^ b[at + 13]) & ~tcp_psh);
    // Acknowledgment, data offset; window; urgent pointer and options.
    return flags == 0 && same(a, b, at + 8, at + 13) && same(a, b, at + 14, at + 16) &&
           same(a, b, at + 18, first.header_size);
}

// What examine() and follows() would say, in a glance, of the next packet of a TCP flow over IPv4.
// False: they have to be asked.
bool Coalescer::continues(const Group& group, MutableByteView packet) {
    const Candidate& first = group.first;
    if (group.packets == 0 || !first.tcp || first.v6 || packet.size() <= first.header_size ||
        packet.size() > first.packet.size() ||
        group.size + (packet.size() - first.header_size) > super_packet_max) {
        return false;
    }
    const std::uint8_t* const a = first.packet.data();
    const std::uint8_t* const b = packet.data();
    // TOS; DF, TTL, protocol; addresses; ports; acknowledgment, data offset, flags and window;
    // urgent pointer; options.
    constexpr std::uint64_t push_mask = std::uint64_t{tcp_psh}
                                        << (std::endian::native == std::endian::little ? 40U : 16U);
    std::uint64_t differ = changed<std::uint16_t>(a, b, 0) | changed<std::uint32_t>(a, b, 6) |
                           changed<std::uint64_t>(a, b, 12) | changed<std::uint32_t>(a, b, 20) |
                           (changed<std::uint64_t>(a, b, 28) & ~push_mask) |
                           changed<std::uint16_t>(a, b, 38);
    for (std::size_t at = 40; at < first.header_size; at += 4) {
        differ |= changed<std::uint32_t>(a, b, at);
    }
    if (differ != 0 || get_u32(packet, 24) != group.next_sequence ||
        get_u16(packet, 4) != static_cast<std::uint16_t>(first.identification + group.packets)) {
        return false;
    }
    return checksums_hold(packet, 20, false, true);
}

void Coalescer::append(Group& group, MutableByteView packet, bool ends) {
    const std::size_t payload = packet.size() - group.first.header_size;
    group.pieces[group.packets] = packet.subspan(group.first.header_size);
    ++group.packets;
    group.size += payload;
    group.next_sequence += static_cast<std::uint32_t>(payload);
    group.push = group.push || ends;
    // A short one or one that pushes is the last.
    if (ends || payload < group.first.payload() || group.packets == coalesced_packets_max) {
        give(group);
    }
}

void Coalescer::open(const Candidate& first) {
    Group* free = nullptr;
    for (Group& group : groups_) {
        if (group.packets == 0) {
            free = &group;
            break;
        }
    }
    if (free == nullptr) {
        free = &groups_[next_victim_];
        next_victim_ = (next_victim_ + 1) % groups_.size();
        give(*free);
    }
    newest_ = static_cast<std::size_t>(free - groups_.data());
    free->packets = 1;
    free->first = first;
    free->next_sequence = first.sequence + static_cast<std::uint32_t>(first.payload());
    free->size = first.packet.size();
    free->push = false;
    free->pieces[0] = first.packet;
}

void Coalescer::give(Group& group) {
    if (group.packets == 0) { return; }
    const Candidate& first = group.first;
    const std::size_t packets = group.packets;
    group.packets = 0;
    if (packets == 1) {
        pass(first.packet);
        return;
    }
    const MutableByteView packet = first.packet;
    const auto segment_size = static_cast<std::uint16_t>(first.payload());
    if (first.v6) {
        set_u16(packet, 4, static_cast<std::uint16_t>(group.size - 40));
    } else {
        set_u16(packet, 2, static_cast<std::uint16_t>(group.size));
        set_ipv4_checksum(packet.first(20));
    }
    const std::size_t length = group.size - first.transport_at;
    const MutableByteView transport = packet.subspan(first.transport_at);
    const std::uint16_t pseudo = pseudo_sum(packet, first.v6, length, first.tcp);
    if (first.tcp) {
        if (group.push) { transport[13] = static_cast<std::uint8_t>(transport[13] | tcp_psh); }
        set_u16(transport, 16, pseudo);
    } else {
        set_u16(transport, 4, static_cast<std::uint16_t>(length));
        set_u16(transport, 6, pseudo);
    }
    sink_.write({.pieces = std::span<const ByteView>{group.pieces}.first(packets),
                 .packets = packets,
                 .segment_size = segment_size,
                 .header_size = static_cast<std::uint16_t>(first.header_size),
                 .transport_at = static_cast<std::uint16_t>(first.transport_at),
                 .tcp = first.tcp,
                 .v6 = first.v6});
}

void Coalescer::give_flow(std::uint64_t flow) {
    for (Group& group : groups_) {
        if (group.packets != 0 && group.first.flow == flow) { give(group); }
    }
}

void Coalescer::pass(ByteView packet) { sink_.write({.pieces = {&packet, 1}, .packets = 1}); }

}  // namespace culvert::ipsec
