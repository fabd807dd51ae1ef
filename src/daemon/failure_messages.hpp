#pragma once
// Failures as VICI sections. A peer's words go into them, so that each word and all of them
// together have a limit: what a stranger sends must not make the answer too long for VICI.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/instant.hpp"
#include "daemon/limits.hpp"
#include "ike/status.hpp"
#include "vici/message.hpp"

namespace culvert::daemon {

// What was left out is marked.
std::string cut_word(std::string_view word, std::size_t most = failure_word_max);

vici::Section failure_section(const ike::Failure& failure, Instant now);

// What came before a failure, or null.
using StoryOf = std::function<const std::vector<std::string>*(const ike::Failure&)>;

struct FailureList {
    vici::Section shown;       // numbered from 1, the newest first
    std::size_t left_out = 0;  // older ones, for which there was no room
};
FailureList failure_list(const std::vector<ike::Failure>& failures, const StoryOf& story_of,
                         Instant now);

// Octets that it takes in a packet, nearly.
std::size_t octets_of(const vici::Section& section);

}  // namespace culvert::daemon
