#pragma once
// Whether a worker carries so much that both of its threads are needed.

#include <atomic>
#include <cstdint>

#include "base/instant.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {

class Busyness {
 public:
    // `busy_workers` counts those that are busy, this one among them.
    explicit Busyness(std::atomic<unsigned>& busy_workers) : busy_workers_(busy_workers) {}

    // What was carried until now, in octets: after each wake-up. True when so much came in so short
    // a time that the worker is busy. From one thread at a time, as becomes_idle().
    bool is_busy(std::uint64_t carried, Instant now) {
        if (busy_) { return true; }
        if (now - since_ > busy_within) {
            since_ = now;
            carried_then_ = carried;
            return false;
        }
        if (carried - carried_then_ < busy_octets_min) { return false; }
        busy_ = true;
        ticked_ = false;
        busy_workers_.fetch_add(1, std::memory_order_relaxed);
        return true;
    }
    // Once a second. True when it was busy and carried little since the last time.
    bool becomes_idle(std::uint64_t carried) {
        if (!busy_) { return false; }
        const bool little = ticked_ && carried - carried_at_tick_ < idle_octets_max;
        carried_at_tick_ = carried;
        ticked_ = true;
        if (!little) { return false; }
        busy_ = false;
        busy_workers_.fetch_sub(1, std::memory_order_relaxed);
        return true;
    }
    bool room_for_two_threads(unsigned cores) const {
        return busy_workers_.load(std::memory_order_relaxed) * 2 <= cores;
    }

 private:
    std::atomic<unsigned>& busy_workers_;
    bool busy_ = false;
    Instant since_{};
    std::uint64_t carried_then_ = 0;
    bool ticked_ = false;  // since it became busy
    std::uint64_t carried_at_tick_ = 0;
};

}  // namespace culvert::plane
