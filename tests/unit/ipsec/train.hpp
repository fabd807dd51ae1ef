#pragma once
// Random packets, and a plain reference for what super-packets stand for: written octet by octet
// from the RFCs, sharing nothing with the code under test.

#include <algorithm>
#include <cstdint>
#include <random>

#include "base/bytes.hpp"

namespace culvert::ipsec::test {

inline std::uint32_t plain_sum(ByteView octets, std::uint32_t sum = 0) {
    for (std::size_t i = 0; i < octets.size(); ++i) {
        sum += i % 2 == 0 ? std::uint32_t{octets[i]} << 8U : std::uint32_t{octets[i]};
        sum = (sum & 0xffffU) + (sum >> 16U);
    }
    return sum;
}

inline void put16(Bytes& out, std::size_t at, std::uint32_t value) {
    out[at] = static_cast<std::uint8_t>(value >> 8U);
    out[at + 1] = static_cast<std::uint8_t>(value);
}
inline void put32(Bytes& out, std::size_t at, std::uint32_t value) {
    put16(out, at, value >> 16U);
    put16(out, at + 2, value & 0xffffU);
}
inline std::uint32_t get16(ByteView in, std::size_t at) {
    return std::uint32_t{in[at]} << 8U | in[at + 1];
}

struct PacketShape {
    bool v6 = false;
    bool tcp = true;
    std::uint8_t hop_by_hop = 0;   // IPv6: a header of this many units of 8 octets in front
    std::uint8_t ip_options = 0;   // IPv4: words
    std::uint8_t tcp_options = 0;  // words
    std::uint8_t traffic_class = 0;
    std::uint8_t hops = 64;
    bool dont_fragment = true;
    std::uint16_t identification = 0;
    std::uint32_t sequence = 0;
    std::uint32_t acknowledgment = 7777;
    std::uint8_t flags = 0x10;
    std::uint16_t window = 501;
    std::uint16_t source_port = 40000;
    std::uint16_t destination_port = 5201;
    std::uint8_t host = 1;
    Bytes payload;

    std::size_t transport_at() const { return v6 ? 40U + 8U * hop_by_hop : 20U + 4U * ip_options; }
    std::size_t header_size() const { return transport_at() + (tcp ? 20U + 4U * tcp_options : 8U); }
};

inline std::uint32_t pseudo(const PacketShape& shape, ByteView packet, std::size_t length) {
    const std::uint32_t addresses =
        shape.v6 ? plain_sum(packet.subspan(8, 32)) : plain_sum(packet.subspan(12, 8));
    const std::uint32_t sum =
        addresses + static_cast<std::uint32_t>(length) + (shape.tcp ? 6U : 17U);
    return (sum & 0xffffU) + (sum >> 16U);
}

// A whole packet; `partial` leaves the transport checksum as the kernel leaves it to a device.
inline Bytes build(const PacketShape& shape, bool partial = false) {
    const std::size_t at = shape.transport_at();
    Bytes out(shape.header_size());
    append(out, shape.payload);
    if (shape.v6) {
        put32(out, 0, 6U << 28U | std::uint32_t{shape.traffic_class} << 20U | 0x12345U);
        put16(out, 4, static_cast<std::uint32_t>(out.size() - 40));
        out[6] = shape.hop_by_hop != 0 ? 0 : (shape.tcp ? 6 : 17);
        out[7] = shape.hops;
        out[8] = 0xfd;
        out[23] = shape.host;
        out[24] = 0xfd;
        out[39] = 2;
        if (shape.hop_by_hop != 0) {
            out[40] = shape.tcp ? 6 : 17;
            out[41] = static_cast<std::uint8_t>(shape.hop_by_hop - 1);
            out[42] = 1;  // PadN
            out[43] = static_cast<std::uint8_t>(8U * shape.hop_by_hop - 4U);
        }
    } else {
        out[0] = static_cast<std::uint8_t>(0x45 + shape.ip_options);
        out[1] = shape.traffic_class;
        put16(out, 2, static_cast<std::uint32_t>(out.size()));
        put16(out, 4, shape.identification);
        put16(out, 6, shape.dont_fragment ? 0x4000U : 0U);
        out[8] = shape.hops;
        out[9] = shape.tcp ? 6 : 17;
        out[12] = 10;
        out[15] = shape.host;
        out[16] = 10;
        out[19] = 2;
        for (std::size_t i = 20; i < at; ++i) { out[i] = 1; }  // no operation
        put16(out, 10, ~plain_sum(ByteView{out}.first(at)) & 0xffffU);
    }
    put16(out, at, shape.source_port);
    put16(out, at + 2, shape.destination_port);
    const std::size_t check_at = at + (shape.tcp ? 16U : 6U);
    if (shape.tcp) {
        put32(out, at + 4, shape.sequence);
        put32(out, at + 8, shape.acknowledgment);
        out[at + 12] = static_cast<std::uint8_t>((5 + shape.tcp_options) << 4U);
        out[at + 13] = shape.flags;
        put16(out, at + 14, shape.window);
        for (std::size_t i = 0; i < 4U * shape.tcp_options; ++i) { out[at + 20 + i] = 1; }
    } else {
        put16(out, at + 4, static_cast<std::uint32_t>(out.size() - at));
    }
    const std::uint32_t partial_sum = pseudo(shape, out, out.size() - at);
    if (partial) {
        put16(out, check_at, partial_sum);
    } else {
        std::uint32_t sum = ~plain_sum(ByteView{out}.subspan(at), partial_sum) & 0xffffU;
        if (!shape.tcp && sum == 0) { sum = 0xffff; }
        put16(out, check_at, sum);
    }
    return out;
}

// What the sender meant by a super-packet of this shape.
inline std::vector<Bytes> cut(const PacketShape& shape, std::size_t segment_size) {
    std::vector<Bytes> out;
    for (std::size_t at = 0; at < shape.payload.size(); at += segment_size) {
        const std::size_t end = std::min(at + segment_size, shape.payload.size());
        PacketShape one = shape;
        one.payload.assign(shape.payload.begin() + static_cast<std::ptrdiff_t>(at),
                           shape.payload.begin() + static_cast<std::ptrdiff_t>(end));
        one.identification = static_cast<std::uint16_t>(shape.identification + out.size());
        one.sequence = shape.sequence + static_cast<std::uint32_t>(at);
        if (at != 0) { one.flags = static_cast<std::uint8_t>(one.flags & ~0x80U); }
        if (end != shape.payload.size()) {
            one.flags = static_cast<std::uint8_t>(one.flags & ~0x09U);
        }
        out.push_back(build(one));
    }
    return out;
}

class Dice {
 public:
    explicit Dice(std::uint64_t seed) : engine_(seed) {}
    std::size_t below(std::size_t bound) { return engine_() % bound; }
    bool one_in(std::size_t n) { return below(n) == 0; }
    Bytes octets(std::size_t size) {
        Bytes out(size);
        for (auto& octet : out) { octet = static_cast<std::uint8_t>(engine_()); }
        return out;
    }

 private:
    std::mt19937_64 engine_;
};

}  // namespace culvert::ipsec::test
