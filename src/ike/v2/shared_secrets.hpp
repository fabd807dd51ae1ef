#pragma once
// Which pre-shared secret serves a pair of identities.

#include "ike/connection.hpp"

namespace culvert::ike::v2 {

// The secret whose owners fit best, first the remote, then the local identity; exact before
// pattern before "anybody"; nullptr if none fits either. The first of equals wins.
const SharedSecret* find_secret(const std::vector<SharedSecret>& secrets, const Identity& local,
                                const Identity& remote);

}  // namespace culvert::ike::v2
