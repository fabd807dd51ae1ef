#pragma once
// The reverse of segment.hpp: packets of a flow that follow one another exactly are put together to
// super-packets, which the local stack takes in one piece. Cutting the super-packet again gives the
// same packets, bit for bit: what cannot be had back (other options, another TTL or ECN, a broken
// checksum) is never merged, and no packet overtakes another one of its flow.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/bytes.hpp"
#include "ipsec/packet.hpp"

namespace culvert::ipsec {

// Packets put together at most, and flows that are open at a time.
constexpr std::size_t coalesced_packets_max = 64;
constexpr std::size_t coalesced_flows_max = 8;

// What the local stack shall be given: `pieces` one behind the other.
struct Coalesced {
    std::span<const ByteView> pieces;
    std::size_t packets = 1;
    // 0: one packet, as it came. Else a super-packet with a checksum to complete.
    std::uint16_t segment_size = 0;
    std::uint16_t header_size = 0;  // IP and transport
    std::uint16_t transport_at = 0;
    bool tcp = false;
    bool v6 = false;
};

class PacketSink {
 public:
    PacketSink() = default;
    PacketSink(const PacketSink&) = delete;
    PacketSink& operator=(const PacketSink&) = delete;
    PacketSink(PacketSink&&) = delete;
    PacketSink& operator=(PacketSink&&) = delete;
    virtual ~PacketSink() = default;
    virtual void write(const Coalesced& packet) = 0;
};

class Coalescer {
 public:
    struct Kinds {
        bool tcp = true;
        bool udp = true;
    };
    Coalescer(PacketSink& sink, Kinds kinds) : sink_(sink), kinds_(kinds) {}

    // `packet` has info.total_size octets, stays where it is until flush(), and may be changed.
    void add(MutableByteView packet, const PacketInfo& info);
    // Gives away everything that is held.
    void flush();

 private:
    // What add() finds out about a packet that could be merged.
    struct Candidate {
        MutableByteView packet;
        std::size_t transport_at = 0;
        std::size_t header_size = 0;
        bool tcp = false;
        bool v6 = false;
        bool ends = false;  // nothing may follow it in its super-packet
        std::uint64_t flow = 0;
        std::uint16_t identification = 0;
        std::uint32_t sequence = 0;
        std::size_t payload() const { return packet.size() - header_size; }
    };
    struct Group {
        std::size_t packets = 0;  // 0: free
        Candidate first;
        std::uint32_t next_sequence = 0;
        std::size_t size = 0;  // with headers
        bool push = false;
        std::array<ByteView, coalesced_packets_max> pieces;
    };

    bool examine(MutableByteView packet, const PacketInfo& info, Candidate& out) const;
    static bool follows(const Group& group, const Candidate& next);
    static bool same_headers(const Candidate& first, const Candidate& next);
    static bool continues(const Group& group, MutableByteView packet);
    void append(Group& group, MutableByteView packet, bool ends);
    void open(const Candidate& first);
    void give(Group& group);
    void give_flow(std::uint64_t flow);
    void pass(ByteView packet);

    PacketSink& sink_;
    Kinds kinds_;
    std::array<Group, coalesced_flows_max> groups_{};
    std::size_t next_victim_ = 0;
    std::size_t newest_ = 0;  // of groups_: the one that grew last
};

}  // namespace culvert::ipsec
