#pragma once

#include <cstddef>

#include "base/random.hpp"
#include "base/secret.hpp"

namespace culvert::crypto {

// The crypto library's generator; usable from any thread.
class SystemRandom final : public Random {
 public:
    void fill(MutableByteView out) override;
};

// The same for one thread that draws many small numbers (SPIs, IVs, nonces, private values of
// curves), of which the library makes a lot as fast as one. They wait where the library's own state
// is no better kept, and what is drawn leaves no copy behind.
class ThreadRandom final : public Random {
 public:
    void fill(MutableByteView out) override;

 private:
    SystemRandom source_;
    Secret ahead_;
    std::size_t left_ = 0;  // of it, at its end
};

}  // namespace culvert::crypto
