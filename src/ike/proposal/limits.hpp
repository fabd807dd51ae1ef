#pragma once

#include <cstddef>

namespace culvert::ike {

constexpr std::size_t proposals_configured_max = 64;   // in one setting
constexpr std::size_t transforms_configured_max = 64;  // in one of them
constexpr std::size_t words_printed_max = 48;          // of one proposal, for people
constexpr std::size_t proposals_printed_max = 8;       // of one side, for people

}  // namespace culvert::ike
