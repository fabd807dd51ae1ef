#pragma once
// How far a handshake came: what `diagnose` concludes from an error, or from an IKE SA whose peer
// has not answered so far.

#include <cstdint>
#include <string_view>

#include "base/error.hpp"
#include "vici/message.hpp"

namespace culvert::cli {

// In their order.
enum class Stage : std::uint8_t { answers, suite, authentication, child };

// Where it failed; `exchange` may be empty, if nobody knows it.
Stage stage_of(const Error& error, std::string_view exchange);

struct Unanswered {
    Stage stage{};
    Error error;
};
// Of an IKE SA as list-sa has it, after so many seconds.
Unanswered unanswered_of(const vici::Section& ike, std::uint64_t seconds);

}  // namespace culvert::cli
