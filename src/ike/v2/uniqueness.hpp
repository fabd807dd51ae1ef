#pragma once
// At most one IKE SA a peer (swanctl's `unique`) and INITIAL_CONTACT (RFC 7296 2.4).

#include "ike/v2/environment.hpp"

namespace culvert::ike::v2 {

// Another established IKE SA between the same identities.
bool has_other_sa(const ConnectionRef& connection, const Identity& local, const Identity& remote,
                  const SaCore& except, const Environment& env);

// This would be the first with these identities, so INITIAL_CONTACT is true.
bool wants_initial_contact(const SaCore& sa, const Environment& env);

// After `sa` was authenticated: closes what it replaces. `initial_contact`: the peer says that it
// has no other; believed only for SAs that were up before this one began, since the notify speaks
// of that moment, and only between the same two identities (S-11).
void enforce_uniqueness(const SaCore& sa, bool initial_contact, const Environment& env);

// Before anything of what the peer had is given to it again: of the earlier IKE SAs here that its
// INITIAL_CONTACT disowns nothing stays.
void forget_disowned(const SaCore& sa, const Environment& env);

// The same where another engine has that IKE SA.
void make_way(const PeerElsewhere& newcomer, const Environment& env);

// Of one that is authenticated.
PeerOf peer_of(const SaCore& sa);

}  // namespace culvert::ike::v2
