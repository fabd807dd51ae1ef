#pragma once
// The nft program: what it is told, and what it says.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace culvert::plane {

// Runs `nft` with these arguments and this input. Its standard output, or: not_found (there is no
// nft), system, or unsupported with what nft said.
Result<std::string> run_nft(const std::vector<std::string>& arguments, std::string_view input);

}  // namespace culvert::plane
