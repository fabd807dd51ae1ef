#pragma once
// Whether two configurations want, and take, the same proofs of who somebody is.

#include <memory>

#include "ike/connection.hpp"

namespace culvert::ike {

// What is configured; not what bind() has made of it.
bool same(const AuthConfig& a, const AuthConfig& b);
// All rounds of a side, the first one and the further ones.
bool same_local_rounds(const Connection& a, const Connection& b);
bool same_remote_rounds(const Connection& a, const Connection& b);
bool same(const SharedSecret& a, const SharedSecret& b);
// Secrets of all kinds, in the same order.
bool same_secrets(const Config& a, const Config& b);
// What lies in the folders: in the same order if nothing has changed. Null is an empty set.
bool same(const std::shared_ptr<const CredentialSet>& a,
          const std::shared_ptr<const CredentialSet>& b);

}  // namespace culvert::ike
