#pragma once
// The IVs of one key in a counter mode: each different, in order, and then no more. Whoever owns
// the key owns exactly one of these.

#include <array>
#include <cstdint>

#include "base/error.hpp"
#include "crypto/limits.hpp"

namespace culvert::crypto {

class IvCounter {
 public:
    explicit IvCounter(std::uint64_t next = 0) : next_(next) {}

    // Eight octets that this key has not used (RFC 5282 3.1: the counter is one good way). Fails
    // with exhausted at counter_ivs_max.
    Result<std::array<std::uint8_t, 8>> take();

 private:
    std::uint64_t next_;
};

}  // namespace culvert::crypto
