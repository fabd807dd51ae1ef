#pragma once
// Randomness is handed in. crypto/random.hpp has the real source, the simulator a seeded one.

#include <cstdint>

#include "base/bytes.hpp"

namespace culvert {

class Random {
 public:
    Random() = default;
    Random(const Random&) = delete;
    Random& operator=(const Random&) = delete;
    Random(Random&&) = delete;
    Random& operator=(Random&&) = delete;
    virtual ~Random() = default;

    // Fills all of `out` with unpredictable octets.
    virtual void fill(MutableByteView out) = 0;

    std::uint32_t u32();
    std::uint64_t u64();
    // Uniform in 0..bound-1; bound >= 1.
    std::uint64_t below(std::uint64_t bound);
    Bytes bytes(std::size_t count);
};

}  // namespace culvert
