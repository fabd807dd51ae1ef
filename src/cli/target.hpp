#pragma once
// What a name on the command line means.

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.hpp"

namespace culvert::cli {

struct Target {
    std::string ike;    // the connection; empty: whichever has the child
    std::string child;  // empty: the IKE SA as a whole
};

// "connection/child", else a connection, else a child of that name. A child that several
// connections have, and a name that nothing has, are refused; the remedy names what there is.
Result<Target> target_of(const Messages& connections, std::string_view name);

// The children of a connection that are SAs (not pass or drop), in the order of the configuration.
std::vector<std::string> children_of(const Messages& connections, std::string_view connection);

}  // namespace culvert::cli
