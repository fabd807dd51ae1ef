#pragma once
// Super-packets: one TCP or UDP packet of up to 64 KiB that stands for a train of equal ones, as
// the kernel hands them to a device that segments by itself (TSO, USO). Here they are cut into the
// packets that the sender meant (RFC 9293 for TCP's fields).

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "ipsec/packet.hpp"

namespace culvert::ipsec {

// IP, extension and transport headers of one super-packet.
constexpr std::size_t super_header_max = 512;

class Segments {
 public:
    // Looks at a whole super-packet; `info` is parse_packet() of it, each segment carries
    // `segment_size` octets of payload, the last one what is left. The transport checksum field
    // holds the sum of the pseudo header over the whole length, not complemented, as the kernel
    // leaves it. False when it is no such packet. The view must outlive this.
    bool begin(ByteView packet, const PacketInfo& info, std::size_t segment_size);

    std::size_t count() const { return count_; }
    // Octets of the whole packet number `index`, and of the longest.
    std::size_t size(std::size_t index) const;
    std::size_t size_max() const { return size(0); }
    // Writes packet number `index` with all its headers and checksums right; size(index) octets.
    void write(std::size_t index, std::uint8_t* out) const;
    // What parse_packet() would say of that packet.
    PacketInfo info(std::size_t index) const;

 private:
    bool begin_tcp(const PacketInfo& info);
    bool begin_udp(const PacketInfo& info);
    void write_ip(std::size_t index, MutableByteView header) const;
    std::size_t payload_size(std::size_t index) const;

    ByteView packet_;
    const PacketInfo* info_ = nullptr;
    std::size_t segment_size_ = 0;
    std::size_t count_ = 0;
    std::size_t transport_at_ = 0;
    std::size_t header_size_ = 0;  // with the transport header
    bool tcp_ = false;
    // Headers with the fields that change left out: sums of the rest.
    std::uint16_t ip_sum_ = 0;
    std::uint16_t transport_sum_ = 0;
    std::array<std::uint8_t, super_header_max> header_{};
};

// Completes a transport checksum that the kernel left to the device: the field at `start + offset`
// holds the pseudo header's sum. False when that lies outside of the packet.
bool complete_checksum(MutableByteView packet, std::size_t start, std::size_t offset);

}  // namespace culvert::ipsec
