#pragma once
// Several engines may serve one gateway, each in a thread of its own. Every peer is one engine's:
// by its address at first, and by the SPI and the ids that this engine chose from then on.

#include <optional>

#include "base/ip.hpp"
#include "ike/connection.hpp"
#include "ike/engine.hpp"

namespace culvert::ike {

// Whose a first message from there is.
unsigned share_of(const IpAddress& remote, unsigned count);
// Whose it is to begin this one.
unsigned share_of(const Connection& connection, unsigned count);
// Whose this input is, of so many; nothing: every engine's. Initiate and Acquire are not asked
// about: whoever knows the configuration decides.
std::optional<unsigned> share_of(const Input& input, unsigned count);

}  // namespace culvert::ike
