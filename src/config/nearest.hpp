#pragma once
// "Did you mean ...?"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::config {

// The least number of letters put in, taken out, changed or swapped with their neighbour that makes
// `b` of `a`.
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that is nearest to `word`, if any is near enough to be meant.
std::optional<std::string> nearest(std::string_view word,
                                   const std::vector<std::string_view>& candidates);

}  // namespace culvert::config
