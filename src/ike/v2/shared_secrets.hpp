#pragma once
// Which pre-shared secret serves a pair of identities.

#include "ike/connection.hpp"

namespace culvert::ike::v2 {

// The secret whose owners fit best, first the remote, then the local identity; exact before
// pattern before "anybody"; nullptr if none fits either. The first of equals wins.
const SharedSecret* find_secret(const std::vector<SharedSecret>& secrets, const Identity& local,
                                const Identity& remote);

// The password of `user` towards `other`; nullptr if there is none that belongs to the user, or to
// anybody.
const SharedSecret* find_password(const std::vector<SharedSecret>& passwords, const Identity& user,
                                  const Identity& other);

// The post-quantum secret that one of its owners names by exactly these octets (RFC 8784 3);
// nullptr if there is none.
const SharedSecret* find_ppk(const std::vector<SharedSecret>& ppks, ByteView id);

}  // namespace culvert::ike::v2
