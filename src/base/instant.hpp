#pragma once
// Time as the core sees it: points on a monotonic clock that only a shell can read.

#include <chrono>
#include <cstdint>

namespace culvert {

// A clock type without now(): the shell reads CLOCK_BOOTTIME (suspend counts), the simulator counts
// its own.
struct MonotonicClock {
    using rep = std::int64_t;
    using period = std::nano;
    using duration = std::chrono::duration<rep, period>;
    using time_point = std::chrono::time_point<MonotonicClock>;
    static constexpr bool is_steady = true;
};

using Instant = MonotonicClock::time_point;
using Duration = MonotonicClock::duration;

}  // namespace culvert
