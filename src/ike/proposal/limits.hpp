#pragma once

#include <cstddef>

namespace culvert::ike {

constexpr std::size_t proposals_configured_max = 64;   // in one setting
constexpr std::size_t transforms_configured_max = 64;  // in one of them
// Pairs of proposals that look alike at first and are not: more of them are nobody's honest offer.
constexpr std::size_t near_misses_max = 64;
// Pairs that are compared to explain a mismatch.
constexpr std::size_t pairs_explained_max = 256;
constexpr std::size_t words_printed_max = 48;     // of one proposal, for people
constexpr std::size_t proposals_printed_max = 8;  // of one side, for people

}  // namespace culvert::ike
