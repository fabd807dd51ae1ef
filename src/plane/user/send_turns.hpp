#pragma once
// Workers that send under one SA take turns, a run of packets each: from the first sequence number
// of the run to its last packet on the way nobody else sends, so that numbers leave in order and a
// peer with a narrow replay window (RFC 4303 3.4.3: 32 packets) loses nothing.

#include <array>
#include <cstddef>
#include <mutex>

#include "ipsec_types/child_sa.hpp"

namespace culvert::plane {

class SendTurns {
 public:
    // SAs may share a turn: one that is held must not wait for another.
    std::mutex& of(ChildSaId id) { return lines_[id.value() % lines_.size()].mutex; }

 private:
    // Each in a cache line of its own.
    struct alignas(64) Line {
        std::mutex mutex;
    };
    std::array<Line, 64> lines_;
};

}  // namespace culvert::plane
