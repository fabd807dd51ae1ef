#pragma once
// What another process costs, from /proc.

#include <chrono>
#include <cstdint>
#include <optional>

namespace culvert::load {

struct ProcessCost {
    std::chrono::nanoseconds cpu{0};  // of all threads that are there now
    std::uint64_t resident_octets = 0;
};

// Nothing if there is no such process, or it may not be looked at.
std::optional<ProcessCost> cost_of(int pid);

}  // namespace culvert::load
