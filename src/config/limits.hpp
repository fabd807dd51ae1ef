#pragma once
// What a configuration may cost us. Far above what anyone writes by hand.

#include <cstddef>

namespace culvert::config {

constexpr std::size_t file_size_max = 64 * 1024 * 1024;
constexpr int pipe_patience_ms = 10'000;                  // for what a pipe brings
constexpr std::size_t text_size_max = 256 * 1024 * 1024;  // of all files together
constexpr std::size_t files_max = 10'000;  // read in all, included ones counted each time
constexpr std::size_t include_depth_max = 16;
constexpr std::size_t section_depth_max = 16;
constexpr std::size_t entries_max = 1'000'000;  // in all, inherited ones included
constexpr std::size_t name_size_max = 256;      // section and key names; 6.0.4's limit
// Of connections and children, which VICI tells of as "connection/child" and "child-17"; of pools.
constexpr std::size_t listed_name_size_max = 120;
constexpr std::size_t value_size_max = 65535;  // what VICI can carry
constexpr std::size_t references_max = 64;     // behind one section's name
constexpr std::size_t reference_depth_max = 16;
constexpr std::size_t problems_max = 1000;  // then one that says that there are more

constexpr long long time_s_max = 10LL * 365 * 24 * 3600;  // ten years
constexpr std::size_t secret_size_max = 4096;
constexpr std::size_t attribute_size_max = 1024;  // of one configuration attribute
constexpr std::size_t command_size_max = 1024;    // of an updown command
constexpr std::size_t list_items_max = 1000;
constexpr std::size_t children_of_an_sa_max = 128;  // ike/v2's children_max
// Pairs are compared up to this many children of one connection.
constexpr std::size_t overlap_children_max = 300;

}  // namespace culvert::config
