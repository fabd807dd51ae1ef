#pragma once
// What an updown script is told: strongSwan's PLUTO_* variables.

#include <string>
#include <string_view>
#include <vector>

#include "ike/connection.hpp"
#include "ike/status.hpp"

namespace culvert::daemon {

// One run of a script: a pair of selectors. "NAME=value" each; whatever a peer chose holds nothing
// but letters, digits and a few signs, all else is "_".
using Environment = std::vector<std::string>;

// What of this host a script is told.
struct UpdownHost {
    std::string interface;                // that has our address; empty: not known
    std::vector<IpAddress> name_servers;  // that the peer gave us
};

// A run for each pair of the Child SA's selectors, in order.
std::vector<Environment> updown_runs(const ike::IkeSaStatus& ike, const ike::ChildSaStatus& child,
                                     const ike::ChildConfig& config, const UpdownHost& host);

// The same with the verb that ends it.
Environment for_down(Environment up);

// Program and arguments, parted by blanks.
std::vector<std::string> words_of(std::string_view command);

}  // namespace culvert::daemon
