#pragma once
// ipsec.secrets as the secrets of a swanctl.conf.

#include <string>

#include "base/error.hpp"
#include "cli/swanctl_writer.hpp"

namespace culvert::cli {

// Writes one section a secret; gives back how many.
Result<std::size_t> import_secrets(const std::string& file, SwanctlWriter& out);

}  // namespace culvert::cli
