#pragma once
// Delta CRLs (RFC 5280 5.2.4): where the list is that completes another.

#include <string>
#include <vector>

#include "x509/chain.hpp"

namespace culvert::x509 {

// Where the certificate, or the current list of its issuer, says that a completing list is
// (freshestCRL; http and https only). None if there is a current one already, or current word by
// OCSP, which is newer than any list.
std::vector<std::string> delta_sources(const TrustQuestion& question, const Certificate& one,
                                       const Certificate& issuer);

}  // namespace culvert::x509
