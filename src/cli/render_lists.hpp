#pragma once
// VICI's listings and events as people read them.

#include <string>
#include <string_view>

#include "vici/message.hpp"

namespace culvert::cli {

// The answer of `stats`, with the counters of get-counters in `counters`.
std::string render_stats(const vici::Message& stats);
// The answer of get-pools with leases.
std::string render_leases(const vici::Message& pools);
// {certificates = {1 = {...}, ...}}: list-cert events without their DER.
std::string render_certs(const vici::Message& certificates);
// The answers of culvert-diff and culvert-reload; `nothing` when there is no change.
std::string render_changes(const vici::Message& changes, std::string_view nothing);
// One line an event of the life cycle.
std::string render_event(std::string_view event, const vici::Message& message);

}  // namespace culvert::cli
