#pragma once
// What one peer may have us compute. Who has authenticated may still ask for one key
// exchange after the other, and the big groups take us tenths of a second each.

#include "base/instant.hpp"
#include "crypto/algorithms.hpp"

namespace culvert::ike::v2 {

// What making a key and a shared secret of this group takes, of which Curve25519 is one.
unsigned effort_of(crypto::KeMethod method);

// Of an IKE SA, and of those that it is rekeyed to: so much at once, then so much a second. Enough
// for all of an IKE SA's children to be rekeyed at the same time with a group that is in use.
class EffortBudget {
 public:
    // False: it is used up for now.
    bool spend(unsigned effort, Instant now);

 private:
    // Until when what was spent takes to come back; a budget that is whole lies in the past.
    Instant whole_at_{};
};

}  // namespace culvert::ike::v2
