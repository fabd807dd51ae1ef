#include "ipsec/flow_cache.hpp"

#include <bit>
#include <cstring>

namespace culvert::ipsec {

FlowCache::FlowCache(std::size_t slots)
    : mask_(std::bit_ceil(slots == 0 ? 1 : slots) - 1), slots_(mask_ + 1) {}

FlowCache::Key FlowCache::key_of(const PacketInfo& packet) {
    Key key{};
    // An address has room for 16 octets, and zeros where it is of IPv4: copies of a fixed size.
    std::memcpy(&key.words[0], packet.source.octets().data(), 16);
    std::memcpy(&key.words[2], packet.destination.octets().data(), 16);
    key.words[4] = std::uint64_t{packet.source_port} << 16U | packet.destination_port |
                   std::uint64_t{packet.protocol} << 32U |
                   std::uint64_t{packet.has_ports ? 1U : 0U} << 40U |
                   std::uint64_t{packet.family == IpFamily::v4 ? 4U : 6U} << 48U;
    return key;
}

std::size_t FlowCache::hash_of(const Key& key) {
    std::uint64_t hash = 0;
    for (const std::uint64_t word : key.words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 32U;
    }
    return static_cast<std::size_t>(hash);
}

const FlowCache::Entry* FlowCache::find(const PacketInfo& packet, std::uint64_t generation) const {
    const Key key = key_of(packet);
    const Slot& slot = slots_[hash_of(key) & mask_];
    return slot.generation == generation && slot.key == key ? &slot.entry : nullptr;
}

void FlowCache::put(const PacketInfo& packet, std::uint64_t generation, const Entry& entry) {
    const Key key = key_of(packet);
    slots_[hash_of(key) & mask_] = {.key = key, .generation = generation, .entry = entry};
}

}  // namespace culvert::ipsec
