#pragma once
// A random source that gives the same octets for the same seed, on every machine. For simulations
// and tests; unpredictable to nobody.

#include <array>
#include <cstdint>
#include <utility>

#include "base/random.hpp"

namespace culvert::test {

class SeededRandom final : public Random {
 public:
    explicit SeededRandom(std::uint64_t seed);

    void fill(MutableByteView out) override;

    // True in `percent` of 100 calls.
    bool chance(unsigned percent) { return below(100) < percent; }

 private:
    std::uint64_t next();

    std::array<std::uint64_t, 4> state_{};
};

// Gives exactly the octets it was made with, then asserts: for vectors that state what was drawn.
class ScriptedRandom final : public Random {
 public:
    explicit ScriptedRandom(Bytes octets) : octets_(std::move(octets)) {}

    void fill(MutableByteView out) override;
    std::size_t left() const { return octets_.size() - at_; }

 private:
    Bytes octets_;
    std::size_t at_ = 0;
};

}  // namespace culvert::test
