#pragma once
// `culvert status`: one screen, however many connections there are. A few are shown in full, some
// with a line each, many as counts and those that need a look.

#include <string>
#include <vector>

#include "cli/render.hpp"
#include "vici/message.hpp"

namespace culvert::cli {

// The answers of culvert-status, list-conns and list-sas.
struct StatusParts {
    vici::Message daemon;
    std::vector<vici::Message> connections;
    std::vector<vici::Message> sas;
    bool all = false;  // everything in full, all failures that are kept
};
std::string render_status(const StatusParts& parts, const Style& style);

}  // namespace culvert::cli
