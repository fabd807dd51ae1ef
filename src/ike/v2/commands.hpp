#pragma once
// The operator's commands: which SAs are meant, and the orders to them. Each ends with one
// CommandDone.

#include <vector>

#include "ike/v2/environment.hpp"

namespace culvert::ike::v2 {

void carry_out(const Initiate& command, const Environment& env);
void carry_out(const Terminate& command, const Environment& env);
void carry_out(const Rekey& command, const Environment& env);
void carry_out(const Redirect& command, const Environment& env);

// All IKE SAs, the oldest first: what happens must not hang on the order of a hash table.
std::vector<IkeSa*> in_order(const EngineState& state);

}  // namespace culvert::ike::v2
