#include "crypto/random.hpp"

#include <algorithm>
#include <climits>

#include <openssl/rand.h>

#include "base/assert.hpp"

namespace culvert::crypto {

void SystemRandom::fill(MutableByteView out) {
    // Without randomness nothing we could go on to do would be safe.
    while (!out.empty()) {
        const std::size_t part = std::min<std::size_t>(out.size(), INT_MAX);
        ASSERT(RAND_priv_bytes(out.data(), static_cast<int>(part)) == 1);
        out = out.subspan(part);
    }
}

void ThreadRandom::fill(MutableByteView out) {
    constexpr std::size_t small_max = 16;
    constexpr std::size_t ahead_size = 512;
    if (out.size() > small_max) { return source_.fill(out); }
    if (left_ < out.size()) {
        if (ahead_.empty()) { ahead_ = Secret{ahead_size}; }
        source_.fill(ahead_.write());
        left_ = ahead_size;
    }
    const MutableByteView drawn = ahead_.write().subspan(ahead_size - left_, out.size());
    std::ranges::copy(drawn, out.begin());
    wipe(drawn);
    left_ -= out.size();
}

}  // namespace culvert::crypto
