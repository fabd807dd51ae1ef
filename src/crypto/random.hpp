#pragma once

#include "base/random.hpp"

namespace culvert::crypto {

// The crypto library's generator; usable from any thread.
class SystemRandom final : public Random {
 public:
    void fill(MutableByteView out) override;
};

}  // namespace culvert::crypto
