#include "crypto/random.hpp"

#include <algorithm>

#include <openssl/rand.h>
#include <sys/random.h>

#include "base/assert.hpp"

namespace culvert::crypto {

void SystemRandom::fill(MutableByteView out) {
    // Without randomness nothing we could go on to do would be safe.
    constexpr std::size_t one_piece = 256;  // getrandom(2) gives so much whole
    while (!out.empty()) {
        const MutableByteView part = out.first(std::min(out.size(), one_piece));
        // OpenSSL may lack memory for it; the kernel needs none.
        const bool drawn =
            RAND_priv_bytes(part.data(), static_cast<int>(part.size())) == 1 ||
            ::getrandom(part.data(), part.size(), 0) == static_cast<ssize_t>(part.size());
        ASSERT(drawn);
        out = out.subspan(part.size());
    }
}

void ThreadRandom::fill(MutableByteView out) {
    constexpr std::size_t small_max = 64;
    constexpr std::size_t ahead_size = 2048;
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
