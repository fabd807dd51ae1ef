#pragma once

#include <cstddef>

namespace culvert {

// What narrowing may come to: also what one TS payload can carry (RFC 7296 3.13, an 8-bit count).
constexpr std::size_t selectors_narrowed_max = 255;

}  // namespace culvert
