#pragma once
// What a VICI command asks for. A selector or a switch that cannot be read is refused: taken for
// one that is not there, it would mean every SA.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "ike/engine.hpp"
#include "vici/message.hpp"

namespace culvert::daemon {

// Which SAs are meant, of terminate, rekey and redirect.
struct SaSelector {
    std::string ike;
    std::string child;
    std::optional<std::uint32_t> ike_id;
    std::optional<std::uint32_t> child_id;

    bool none() const { return ike.empty() && child.empty() && !ike_id && !child_id; }
};

// malformed: a key that is there and holds no name, or no number from 1.
Result<SaSelector> read_selector(const vici::Message& message);

// yes, true, enabled, 1; no, false, disabled, 0; in any case. Without the key: no.
Result<bool> read_switch(const vici::Message& message, std::string_view key);

// Without the key: `otherwise`.
Result<std::int64_t> read_integer(const vici::Message& message, std::string_view key,
                                  std::int64_t otherwise, std::int64_t least, std::int64_t most);

// {ike, ike-id, peer-ip, peer-id, gateway}, as swanctl --redirect sends them; at least one of the
// first four.
Result<ike::Redirect> read_redirect(const vici::Message& message);

}  // namespace culvert::daemon
