#pragma once
// A secret of our own that outlives the process, in a file of the state directory.

#include <string>

#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"

namespace culvert::daemon {

// What is in the file; if it is not there, or is none, a fresh one, written for root alone.
Result<Secret> kept_secret(const std::string& path, Random& random);

}  // namespace culvert::daemon
