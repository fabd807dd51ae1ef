#pragma once
// Lets packets gather where they would wake a thread one by one: when wake-ups are many and bring
// few packets each, the thread waits a moment before it reads. Where nothing gathers meanwhile
// (somebody awaits each answer before asking again) it leaves off, and tries again later.

#include <chrono>
#include <cstdint>

#include "base/instant.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {

class Moderation {
 public:
    // How long to wait before reading now.
    std::chrono::microseconds wait() const {
        return waiting_ ? moderation_wait : std::chrono::microseconds{0};
    }
    // What the reading brought.
    void took(std::uint64_t packets, Instant now) {
        packets_ += packets;
        if (++wakeups_ < moderation_wakeups) { return; }
        const bool few = packets_ < std::uint64_t{moderation_wakeups} * moderation_packets_max;
        if (waiting_) {
            const bool gathers =
                packets_ >= std::uint64_t{moderation_wakeups} * moderation_packets_min;
            if (!gathers) { not_before_ = now + moderation_again_after; }
            // What comes in large numbers anyway need not wait.
            waiting_ = gathers && few;
        } else {
            waiting_ = few && now - since_ < moderation_within && now >= not_before_;
        }
        wakeups_ = 0;
        packets_ = 0;
        since_ = now;
    }

 private:
    bool waiting_ = false;
    unsigned wakeups_ = 0;
    std::uint64_t packets_ = 0;
    Instant since_{};
    Instant not_before_{};
};

}  // namespace culvert::plane
