#pragma once
// The IVs of one key in a counter mode: each different, and then no more. Whoever owns the key owns
// exactly one of these.

#include <array>
#include <cstdint>

#include "base/error.hpp"
#include "crypto/limits.hpp"

namespace culvert::crypto {

class IvCounter {
 public:
    // The first IV, as a number; a random one tells an observer nothing of how old the key is.
    // `taken`: how many are gone already.
    explicit IvCounter(std::uint64_t first, std::uint64_t taken = 0)
        : first_(first), taken_(taken) {}

    // Eight octets that this key has not used: `first` xor the count (RFC 5282 3.1 leaves the way
    // open). Fails with exhausted after counter_ivs_max.
    Result<std::array<std::uint8_t, 8>> take();

 private:
    std::uint64_t first_;
    std::uint64_t taken_;
};

}  // namespace culvert::crypto
