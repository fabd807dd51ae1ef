#pragma once
// A worker's memory of recent outbound decisions: the SPD-S cache of RFC 4301 4.4.1, for one flow
// at a time. Not shared; cleared by giving another generation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "ipsec/packet.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec {

class OutboundSa;

class FlowCache {
 public:
    // `slots` is rounded up to a power of two, which is at most 2^32.
    explicit FlowCache(std::size_t slots = 4096);

    struct Entry {
        SpdDecision decision;
        // Belongs to the snapshot of this generation; null when there is none.
        OutboundSa* sa = nullptr;
    };

    // Nothing, or what put() said for the same flow in the same generation, until the next put(). A
    // generation names one snapshot of SPD and SAD: count it up with every change, never 0. A put()
    // in another one forgets everything.
    const Entry* find(const PacketInfo& packet, std::uint64_t generation) const;
    void put(const PacketInfo& packet, std::uint64_t generation, const Entry& entry);

 private:
    // Addresses, then the rest of a flow and, in the highest 16 bits, when it was put here.
    using Key = std::array<std::uint64_t, 5>;
    static constexpr unsigned epoch_shift = 48;
    struct alignas(64) Slot {
        Key key{};
        Entry entry;
    };
    static_assert(sizeof(Slot) == 64);
    struct Place {
        std::size_t at;
        std::uint16_t tag;
    };

    static Key key_of(const PacketInfo& packet, std::uint64_t epoch);
    Place place_of(const Key& key) const;
    void forget();

    std::size_t mask_;
    std::vector<Slot> slots_;
    // Of each slot 16 bits of its hash: these stay near, and tell of a new flow that it is one
    // before its slot could be read.
    std::vector<std::uint16_t> tags_;
    // The generation of all slots of this epoch; others are free. It has far fewer bits: when they
    // have all been used, the slots are cleared.
    std::uint64_t generation_ = 0;
    std::uint64_t epoch_ = 0;
};

}  // namespace culvert::ipsec
