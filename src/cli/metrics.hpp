#pragma once
// The daemon's answers as OpenMetrics text.

#include <string>
#include <vector>

#include "vici/message.hpp"

namespace culvert::cli {

// The answers of culvert-status, stats, get-counters, get-pools, list-conns, list-sas and
// list-certs.
struct MetricParts {
    vici::Message status;
    vici::Message stats;
    vici::Message counters;
    vici::Message pools;
    std::vector<vici::Message> connections;
    std::vector<vici::Message> sas;
    std::vector<vici::Message> certificates;
};
// All metrics, "# EOF" included.
std::string render_metrics(const MetricParts& parts);
// What is shown while the daemon does not answer: culvert_up 0.
std::string render_no_daemon();

}  // namespace culvert::cli
