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

}  // namespace culvert::crypto
