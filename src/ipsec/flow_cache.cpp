#include "ipsec/flow_cache.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace culvert::ipsec {
namespace {

// Word by word, without the call to memcmp() that == becomes.
template <std::size_t Words>
bool same(const std::array<std::uint64_t, Words>& a, const std::array<std::uint64_t, Words>& b) {
    std::uint64_t other = 0;
    for (std::size_t i = 0; i < Words; ++i) { other |= a[i] ^ b[i]; }
    return other == 0;
}

}  // namespace

FlowCache::FlowCache(std::size_t slots)
    : mask_(std::bit_ceil(slots == 0 ? 1 : slots) - 1), slots_(mask_ + 1), tags_(mask_ + 1) {}

FlowCache::Key FlowCache::key_of(const PacketInfo& packet, std::uint64_t epoch) {
    Key key;
    // An address has room for 16 octets, and zeros where it is of IPv4: copies of a fixed size.
    const std::uint8_t* const source = packet.source.octets().data();
    const std::uint8_t* const destination = packet.destination.octets().data();
    std::memcpy(&key[0], source, 8);
    std::memcpy(&key[1], source + 8, 8);
    std::memcpy(&key[2], destination, 8);
    std::memcpy(&key[3], destination + 8, 8);
    key[4] = std::uint64_t{packet.source_port} << 16U | packet.destination_port |
             std::uint64_t{packet.protocol} << 32U |
             std::uint64_t{packet.has_ports ? 1U : 0U} << 40U |
             std::uint64_t{packet.family == IpFamily::v4 ? 0U : 1U} << 41U | epoch << epoch_shift;
    return key;
}

FlowCache::Place FlowCache::place_of(const Key& key) const {
    // Multilinear: the products do not wait for one another.
    constexpr Key factors{0x9e3779b97f4a7c15U, 0xbf58476d1ce4e5b9U, 0x94d049bb133111ebU,
                          0xd6e8feb86659fd93U, 0xa0761d6478bd642fU};
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < key.size(); ++i) { sum += key[i] * factors[i]; }
    const std::uint64_t hash = (sum ^ sum >> 32U) * 0xe7037ed1a0b428dbU;
    return {.at = static_cast<std::size_t>(hash >> 32U) & mask_,
            .tag = static_cast<std::uint16_t>(hash >> 16U)};
}

const FlowCache::Entry* FlowCache::find(const PacketInfo& packet, std::uint64_t generation) const {
    if (generation != generation_) { return nullptr; }
    const Key key = key_of(packet, epoch_);
    const Place place = place_of(key);
    const Slot& slot = slots_[place.at];
    if (tags_[place.at] != place.tag) {
        __builtin_prefetch(&slot, 1);  // for put()
        return nullptr;
    }
    return same(slot.key, key) ? &slot.entry : nullptr;
}

void FlowCache::put(const PacketInfo& packet, std::uint64_t generation, const Entry& entry) {
    if (generation != generation_) {
        generation_ = generation;
        forget();
    }
    const Key key = key_of(packet, epoch_);
    const Place place = place_of(key);
    tags_[place.at] = place.tag;
    Slot& slot = slots_[place.at];
    for (std::size_t i = 0; i < key.size(); ++i) { slot.key[i] = key[i]; }
    slot.entry = entry;
}

void FlowCache::forget() {
    ++epoch_;
    if (epoch_ >> (64 - epoch_shift) == 0) { return; }
    std::ranges::fill(slots_, Slot{});
    epoch_ = 1;
}

}  // namespace culvert::ipsec
