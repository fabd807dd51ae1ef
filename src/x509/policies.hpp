#pragma once
// Certificate policies (RFC 5280 4.2.1.4, 4.2.1.5, 4.2.1.11, 4.2.1.14): what a chain is good for.

#include <string>
#include <vector>

#include "base/error.hpp"
#include "x509/certificate.hpp"

namespace culvert::x509 {

// Whether every one of these policies (OIDs, as "1.3.6.1.4.1.1") holds for the first of a chain:
// each authority between it and the last must have had it to give (RFC 5280 6.1.3 (d) to
// (f), 6.1.4, 6.1.5), mapped to another one where authorities say so. Also without any whether a
// chain holds whose authorities ask for a policy (requireExplicitPolicy). Fails with
// authentication_failed: `received` names the certificate, `wanted` is the policy that is missing,
// or empty.
Status check_policies(const std::vector<Certificate>& chain,
                      const std::vector<std::string>& wanted);

}  // namespace culvert::x509
