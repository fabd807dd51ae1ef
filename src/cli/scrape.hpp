#pragma once
// Asks a daemon for all that metrics are made of.

#include <string_view>

#include "base/error.hpp"
#include "cli/context.hpp"
#include "cli/metrics.hpp"

namespace culvert::cli {

// What the daemon refuses is left out and told by Output::err; an error: it does not answer.
Result<MetricParts> scrape(vici::Client& client, Output& output);

}  // namespace culvert::cli
