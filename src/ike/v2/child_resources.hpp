#pragma once
// Several Child SAs that are alike, one for each processor of a side (RFC 9611). Each side counts
// its own: the numbers never travel, and packets may arrive on any of them.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.hpp"
#include "ike/v2/sa_core.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

// The sender has several of what this negotiates (N(SA_RESOURCE_INFO), RFC 9611 5.1).
bool tells_of_resources(const wire::Payloads& payloads);
// For which one the next is, if the child is to have several: that of the Child SA to be replaced,
// else the first that has none.
std::optional<std::uint16_t> resource_for(const SaCore& sa, const ChildConfig& config,
                                          const Child* rekeyed);
// How many stand.
std::size_t resources_taken(const SaCore& sa, const ChildConfig& config);
// What a peer is told that wants too many: N(TS_MAX_QUEUE), RFC 9611 5.2.
Error enough_resources(std::string_view connection, std::string_view child);

}  // namespace culvert::ike::v2
