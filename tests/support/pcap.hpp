#pragma once
// Captures that others made: the IP packets of a pcap or pcapng file, and the UDP datagrams in
// them. For tests; what is cut or not IP is left out.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/ip.hpp"
#include "support/vectors.hpp"

namespace culvert::test {

struct CapturedDatagram {
    Endpoint source;
    Endpoint destination;
    Bytes payload;
};

// IKE messages travel on 500 as they are and on 4500 behind four zero octets (RFC 3948 2.2).
struct CapturedIke {
    Endpoint source;
    Endpoint destination;
    Bytes message;
};

namespace pcap_detail {

class Cursor {
 public:
    Cursor(ByteView in, bool little) : in_(in), little_(little) {}

    std::uint32_t number(std::size_t at, std::size_t width) const {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < width; ++i) {
            const std::size_t place = little_ ? at + width - 1 - i : at + i;
            value = (value << 8U) | (place < in_.size() ? in_[place] : 0U);
        }
        return value;
    }
    ByteView part(std::size_t at, std::size_t size) const {
        if (at >= in_.size()) { return {}; }
        return in_.subspan(at, std::min(size, in_.size() - at));
    }
    std::size_t size() const { return in_.size(); }

 private:
    ByteView in_;
    bool little_;
};

// Octets in front of the IP header for a link type (www.tcpdump.org/linktypes.html).
inline std::optional<std::size_t> link_header(std::uint32_t link, ByteView frame) {
    switch (link) {
        case 0: return 4;  // BSD loopback
        case 1: {          // Ethernet, perhaps with one VLAN tag
            const bool vlan = frame.size() > 14 && frame[12] == 0x81 && frame[13] == 0;
            return vlan ? 18 : 14;
        }
        case 12:
        case 101:
        case 228:
        case 229: return 0;   // raw IP
        case 113: return 16;  // Linux cooked
        case 276: return 20;  // Linux cooked, version 2
        default: return {};
    }
}

inline void add_frame(std::vector<Bytes>& out, std::uint32_t link, ByteView frame) {
    const auto skip = link_header(link, frame);
    if (skip && frame.size() > *skip) { out.push_back(to_bytes(frame.subspan(*skip))); }
}

inline std::vector<Bytes> read_pcap(ByteView file, bool little) {
    const Cursor in{file, little};
    const std::uint32_t link = in.number(20, 4) & 0xffffU;
    std::vector<Bytes> out;
    for (std::size_t at = 24; at + 16 <= in.size();) {
        const std::size_t captured = in.number(at + 8, 4);
        add_frame(out, link, in.part(at + 16, captured));
        at += 16 + captured;
    }
    return out;
}

inline std::vector<Bytes> read_pcapng(ByteView file, bool little) {
    const Cursor in{file, little};
    std::vector<Bytes> out;
    std::vector<std::uint32_t> links;
    for (std::size_t at = 0; at + 12 <= in.size();) {
        const std::uint32_t type = in.number(at, 4);
        const std::size_t length = in.number(at + 4, 4);
        if (length < 12) { break; }
        if (type == 1) { links.push_back(in.number(at + 8, 2)); }
        if (type == 6 && in.number(at + 8, 4) < links.size()) {
            add_frame(out, links[in.number(at + 8, 4)], in.part(at + 28, in.number(at + 20, 4)));
        }
        if (type == 3 && !links.empty()) {
            add_frame(out, links[0], in.part(at + 12, in.number(at + 8, 4)));
        }
        at += length;
    }
    return out;
}

}  // namespace pcap_detail

// The IP packets, from the IP header on, in order. Empty for what is no capture.
inline std::vector<Bytes> ip_packets(ByteView file) {
    using namespace pcap_detail;
    const std::uint32_t magic = Cursor{file, false}.number(0, 4);
    switch (magic) {
        case 0xa1b2c3d4:
        case 0xa1b23c4d: return read_pcap(file, false);
        case 0xd4c3b2a1:
        case 0x4d3cb2a1: return read_pcap(file, true);
        case 0x0a0d0d0a: return read_pcapng(file, Cursor{file, false}.number(8, 4) == 0x4d3c2b1a);
        default: return {};
    }
}

// The UDP datagram in an unfragmented IP packet; the payload may be cut short by the capture.
inline std::optional<CapturedDatagram> udp_datagram(ByteView packet) {
    const pcap_detail::Cursor in{packet, false};
    const std::uint32_t version = in.number(0, 1) >> 4U;
    std::size_t header = 40;
    std::uint32_t protocol = in.number(6, 1);
    CapturedDatagram out;
    std::optional<IpAddress> source = IpAddress::from_octets(in.part(8, 16));
    std::optional<IpAddress> destination = IpAddress::from_octets(in.part(24, 16));
    if (version == 4) {
        header = 4 * (in.number(0, 1) & 0xfU);
        protocol = in.number(9, 1);
        source = IpAddress::from_octets(in.part(12, 4));
        destination = IpAddress::from_octets(in.part(16, 4));
        if ((in.number(6, 2) & 0x3fffU) != 0) { return {}; }  // a fragment
    }
    const std::size_t length = in.number(header + 4, 2);
    if (protocol != 17 || !source || !destination || length < 8) { return {}; }
    out.source = {*source, static_cast<std::uint16_t>(in.number(header, 2))};
    out.destination = {*destination, static_cast<std::uint16_t>(in.number(header + 2, 2))};
    out.payload = to_bytes(in.part(header + 8, length - 8));
    return out;
}

// The IKE messages of a capture in order.
inline std::vector<CapturedIke> ike_messages(ByteView file) {
    std::vector<CapturedIke> out;
    for (const Bytes& packet : ip_packets(file)) {
        auto datagram = udp_datagram(packet);
        if (!datagram) { continue; }
        const auto on = [&](std::uint16_t port) {
            return datagram->source.port == port || datagram->destination.port == port;
        };
        Bytes& payload = datagram->payload;
        const bool marked =
            payload.size() > 4 && std::all_of(payload.begin(), payload.begin() + 4,
                                              [](auto octet) { return octet == 0; });
        if (!on(500) && !(on(4500) && marked)) { continue; }
        if (!on(500)) { payload.erase(payload.begin(), payload.begin() + 4); }
        out.push_back({datagram->source, datagram->destination, std::move(payload)});
    }
    return out;
}

// The messages of a file of the shared data; nothing when it is not there.
inline std::optional<std::vector<CapturedIke>> load_ike_messages(std::string_view relative) {
    const auto file = load_shared_file(relative);
    if (!file) { return {}; }
    return ike_messages(*file);
}

}  // namespace culvert::test
