#pragma once
// What the lists of an authority say about one of its certificates (RFC 5280 6.3.3): of those that
// cover it the newest decides, with the one that completes it; of the others what is newer than
// that, and only a bad word.

#include <optional>

#include "x509/chain.hpp"
#include "x509/crl.hpp"

namespace culvert::x509 {

// `one` was issued by `issuer`; the pointers are into the question.

// The newest complete list that covers it, of whatever age; null: there is none.
const Crl* newest_list(const TrustQuestion& question, const Certificate& one,
                       const Certificate& issuer);
// The newest current delta list that completes this one; null: there is none.
const Crl* newest_delta(const TrustQuestion& question, const Crl& base, const Certificate& issuer);

// Listed as revoked, in a list of whatever age: what was revoked stays so.
std::optional<Revoked> revoked_by_lists(const TrustQuestion& question, const Certificate& one,
                                        const Certificate& issuer);
// Whether a current list covers it.
bool is_in_current_list(const TrustQuestion& question, const Certificate& one,
                        const Certificate& issuer);

}  // namespace culvert::x509
