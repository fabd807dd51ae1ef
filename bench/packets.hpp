#pragma once
// What the benchmarks of the engine work on: one SA pair in tunnel mode over IPv4 and its packets.

#include <algorithm>
#include <cstdint>

#include "base/random.hpp"
#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"

namespace culvert::ipsec::bench {

class FixedRandom final : public Random {
 public:
    void fill(MutableByteView out) override {
        for (auto& octet : out) { octet = 7; }
    }
};

inline ChildSa child(const IpsecSuite& suite, std::size_t key, std::size_t mac) {
    ChildSa sa;
    sa.id = ChildSaId{1};
    sa.reqid = ReqId{1};
    sa.suite = suite;
    sa.local = *Endpoint::parse("192.0.2.1");
    sa.remote = *Endpoint::parse("192.0.2.1");
    sa.inbound_spi = sa.outbound_spi = EspSpi{0x1000};
    sa.inbound = {.encryption = Secret(key), .integrity = Secret(mac)};
    sa.outbound = {.encryption = Secret(key), .integrity = Secret(mac)};
    sa.local_ts = sa.remote_ts = {*TrafficSelector::parse("10.0.0.0/8")};
    return sa;
}

inline Bytes udp_packet(std::size_t size) {
    Bytes packet(size);
    const MutableByteView view = packet;
    packet[0] = 0x45;
    set_u16(view, 2, static_cast<std::uint16_t>(size));
    packet[8] = 64;
    packet[9] = protocol_udp;
    packet[12] = packet[16] = 10;
    packet[19] = 1;
    set_ipv4_checksum(view.first(20));
    set_u16(view, 20, 4000);
    set_u16(view, 22, 5000);
    set_u16(view, 24, static_cast<std::uint16_t>(size - 20));
    return packet;
}

// Without payload checksum of its own: as the kernel hands a super-packet over.
inline Bytes tcp_super_packet(std::size_t payload) {
    Bytes packet(52 + payload, 5);
    const MutableByteView view = packet;
    std::fill_n(packet.begin(), 52, std::uint8_t{0});
    packet[0] = 0x45;
    set_u16(view, 2, static_cast<std::uint16_t>(packet.size()));
    packet[6] = 0x40;
    packet[8] = 64;
    packet[9] = protocol_tcp;
    packet[12] = packet[16] = 10;
    packet[19] = 1;
    set_ipv4_checksum(view.first(20));
    set_u16(view, 22, 5201);
    packet[32] = 0x80;
    packet[33] = 0x10;
    const std::uint32_t sum = add_checksum(view.subspan(12, 8)) + protocol_tcp +
                              static_cast<std::uint32_t>(packet.size() - 20);
    set_u16(view, 36, static_cast<std::uint16_t>(~finish_checksum(sum)));
    return packet;
}

}  // namespace culvert::ipsec::bench
