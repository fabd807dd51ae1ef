#include "x509/lists.hpp"

#include <algorithm>

namespace culvert::x509 {
namespace {

constexpr std::string_view on_hold = "certificateHold";
constexpr std::string_view taken_back = "removeFromCRL";

// With the entry of the list that completes it. Only a hold can be lifted (RFC 5280 5.3.1).
std::optional<Revoked> with_delta(std::optional<Revoked> entry, const Crl& delta,
                                  const Certificate& one) {
    auto later = delta.find(one);
    if (!later) { return entry; }
    if (later->reason != taken_back) { return later; }
    return entry && entry->reason == on_hold ? std::nullopt : std::move(entry);
}

// Whether another list of the question stands in place of this one.
bool superseded(const TrustQuestion& question, const Crl& old, const Certificate& issuer) {
    return std::ranges::any_of(question.crls, [&](const Crl& other) {
        return other.is_usable() && other.has_scope_of(old) && other.is_newer_than(old) &&
               other.this_update() <= question.now && other.is_signed_by(issuer);
    });
}

}  // namespace

const Crl* newest_list(const TrustQuestion& question, const Certificate& one,
                       const Certificate& issuer) {
    const Crl* out = nullptr;
    for (const Crl& crl : question.crls) {
        if (crl.base_number() || !crl.covers(one)) { continue; }
        if (out != nullptr && !crl.is_newer_than(*out)) { continue; }
        if (crl.is_signed_by(issuer)) { out = &crl; }
    }
    return out;
}

const Crl* newest_delta(const TrustQuestion& question, const Crl& base, const Certificate& issuer) {
    const Crl* out = nullptr;
    for (const Crl& crl : question.crls) {
        if (!crl.is_usable() || !crl.completes(base) || !crl.is_current(question.now)) { continue; }
        if (out != nullptr && !crl.is_newer_than(*out)) { continue; }
        if (crl.is_signed_by(issuer)) { out = &crl; }
    }
    return out;
}

std::optional<Revoked> revoked_by_lists(const TrustQuestion& question, const Certificate& one,
                                        const Certificate& issuer) {
    const Bytes issuer_name = one.issuer_der();
    const auto lists_it = [&](const Crl& crl) {
        return crl.is_usable() && crl.issuer_der() == issuer_name && crl.find(one);
    };
    // Mostly none does, and then no signature need be verified.
    if (std::ranges::none_of(question.crls, lists_it)) { return std::nullopt; }
    const Crl* const base = newest_list(question, one, issuer);
    const Crl* const delta = base == nullptr ? nullptr : newest_delta(question, *base, issuer);
    if (base != nullptr) {
        auto entry = base->find(one);
        if (delta != nullptr) { entry = with_delta(std::move(entry), *delta, one); }
        if (entry) { return entry; }
    }
    for (const Crl& crl : question.crls) {
        if (&crl == base || &crl == delta || !lists_it(crl)) { continue; }
        if (base != nullptr && crl.this_update() < base->this_update()) { continue; }
        auto entry = crl.find(one);
        if (entry->reason == taken_back || !crl.is_signed_by(issuer)) { continue; }
        if (!superseded(question, crl, issuer)) { return entry; }
    }
    return std::nullopt;
}

bool is_in_current_list(const TrustQuestion& question, const Certificate& one,
                        const Certificate& issuer) {
    return std::ranges::any_of(question.crls, [&](const Crl& crl) {
        return !crl.base_number() && crl.is_current(question.now) && crl.covers(one) &&
               crl.is_signed_by(issuer);
    });
}

}  // namespace culvert::x509
