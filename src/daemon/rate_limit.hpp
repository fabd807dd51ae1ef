#pragma once
// A token bucket: `burst` at once, then `per_second`. Counts what it refuses.

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/instant.hpp"

namespace culvert::daemon {

class RateLimit {
 public:
    RateLimit(unsigned burst, unsigned per_second)
        : burst_(burst), per_second_(per_second), tokens_(burst) {}

    bool allow(Instant now) {
        const double elapsed = std::chrono::duration<double>(now - last_).count();
        last_ = now;
        tokens_ = std::min(burst_, tokens_ + (elapsed > 0 ? elapsed * per_second_ : 0));
        if (tokens_ < 1) {
            ++refused_;
            return false;
        }
        tokens_ -= 1;
        return true;
    }

    // How many were refused since this was last asked.
    std::uint64_t take_refused() { return std::exchange(refused_, 0); }
    std::uint64_t refused() const { return refused_; }

 private:
    double burst_;
    double per_second_;
    double tokens_;
    Instant last_{};
    std::uint64_t refused_ = 0;
};

}  // namespace culvert::daemon
