#pragma once
// The load generator's limits (style.md, rule 5).

#include <chrono>
#include <cstddef>

namespace culvert::load {

constexpr std::size_t clients_max = 65'000;  // the host part of 10.x.y.z, an address each
constexpr std::chrono::milliseconds poll_max{200};

}  // namespace culvert::load
