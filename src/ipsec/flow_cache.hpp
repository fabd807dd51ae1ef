#pragma once
// A worker's memory of recent outbound decisions: the SPD-S cache of RFC 4301 4.4.1, for one flow
// at a time. Not shared; cleared by giving another generation.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ipsec/packet.hpp"
#include "ipsec/spd.hpp"

namespace culvert::ipsec {

class OutboundSa;

class FlowCache {
 public:
    // `slots` is rounded up to a power of two.
    explicit FlowCache(std::size_t slots = 4096);

    struct Entry {
        SpdDecision decision;
        // Belongs to the snapshot of this generation; null when there is none.
        OutboundSa* sa = nullptr;
    };

    // Nothing, or what put() said for the same flow in the same generation. A generation names one
    // snapshot of SPD and SAD: count it up with every change, never 0.
    const Entry* find(const PacketInfo& packet, std::uint64_t generation) const;
    void put(const PacketInfo& packet, std::uint64_t generation, const Entry& entry);

 private:
    struct Key {
        std::uint64_t words[5];
        bool operator==(const Key&) const = default;
    };
    struct Slot {
        Key key{};
        std::uint64_t generation = 0;
        Entry entry;
    };
    static Key key_of(const PacketInfo& packet);
    static std::size_t hash_of(const Key& key);

    std::size_t mask_;
    std::vector<Slot> slots_;
};

}  // namespace culvert::ipsec
