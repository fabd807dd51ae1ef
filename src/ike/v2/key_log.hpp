#pragma once

#include "ike/auth/key_material.hpp"
#include "ike/v2/environment.hpp"

namespace culvert::ike::v2 {

// In a build with CULVERT_KEY_LOG: a KeyLog action with the line of tshark's
// ikev2_decryption_table. In all others nothing.
void log_keys(const SaCore& sa, const IkeKeys& keys, const Environment& env);

}  // namespace culvert::ike::v2
