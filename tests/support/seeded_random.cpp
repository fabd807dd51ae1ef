#include "support/seeded_random.hpp"

#include <algorithm>
#include <bit>

#include "base/assert.hpp"

namespace culvert::test {
namespace {

// SplitMix64: spreads a small seed over the whole state.
std::uint64_t spread(std::uint64_t& seed) {
    seed += 0x9e3779b97f4a7c15U;
    std::uint64_t value = seed;
    value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31U);
}

}  // namespace

SeededRandom::SeededRandom(std::uint64_t seed) {
    for (auto& word : state_) { word = spread(seed); }
}

// xoshiro256**
std::uint64_t SeededRandom::next() {
    const std::uint64_t out = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return out;
}

void SeededRandom::fill(MutableByteView out) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
        if (i % 8 == 0) { word = next(); }
        out[i] = static_cast<std::uint8_t>(word);
        word >>= 8U;
    }
}

void ScriptedRandom::fill(MutableByteView out) {
    ASSERT(left() >= out.size());
    std::copy_n(octets_.begin() + static_cast<std::ptrdiff_t>(at_), out.size(), out.begin());
    at_ += out.size();
}

}  // namespace culvert::test
