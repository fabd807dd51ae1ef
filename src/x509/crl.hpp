#pragma once
// Certificate revocation lists (RFC 5280 5): parsed, and asked.

#include <memory>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "x509/certificate.hpp"

struct X509_crl_st;

namespace culvert::x509 {

struct Revoked {
    Time when;
    std::string reason;  // "keyCompromise"; empty where the list gives none
};

class CrlScope;

// Unless it has a keyUsage without cRLSign (RFC 5280 4.2.1.3).
bool may_sign_lists(const Certificate& authority);

class Crl {
 public:
    // DER or PEM. Fails with malformed.
    static Result<Crl> parse(ByteView file);

    Bytes der() const;
    std::string issuer() const;
    const Bytes& issuer_der() const;
    Time this_update() const { return this_update_; }
    std::optional<Time> next_update() const { return next_update_; }
    // thisUpdate has come, and nextUpdate has not passed.
    bool is_current(Time now) const;
    // Of a delta CRL the number of the base that it completes (RFC 5280 5.2.4).
    const std::optional<std::string>& base_number() const;
    const std::string& number() const;  // hex; empty where there is none

    // By its key, and it may sign lists (RFC 5280 6.3.3 (f)).
    bool is_signed_by(const Certificate& authority) const;
    // Whether it may be used: one with a critical extension that we do not know says nothing about
    // any certificate (RFC 5280 5.2, 5.3).
    bool is_usable() const;
    // Whether it is about this certificate of its issuer, whatever that may be revoked for (RFC
    // 5280 5.2.5, 6.3.3 (b) (2)): only of such a list does it mean something not to be listed.
    bool covers(const Certificate& certificate) const;
    // The entry of a certificate; nothing if it is not listed. "removeFromCRL", in a delta CRL, is
    // the reason of an entry that takes another back.
    std::optional<Revoked> find(const Certificate& certificate) const;

    // Whether the two are about the same certificates and reasons, and both complete or both delta.
    bool has_scope_of(const Crl& other) const;
    // Issued after the other one: by thisUpdate, and within a second by the number.
    bool is_newer_than(const Crl& other) const;
    // Whether it takes the place of the other one: at least as new, of the same issuer, key (as
    // far as the lists name it) and scope, and for the same base if they are delta lists.
    bool replaces(const Crl& other) const;
    // Whether it completes the other one (RFC 5280 5.2.4 (a) to (d)), which the same key signed.
    bool completes(const Crl& base) const;

 private:
    struct Facts;
    Crl(std::shared_ptr<X509_crl_st> object, std::shared_ptr<const Facts> facts, Time this_update,
        std::optional<Time> next_update)
        : object_(std::move(object)),
          facts_(std::move(facts)),
          this_update_(this_update),
          next_update_(next_update) {}

    std::shared_ptr<X509_crl_st> object_;
    std::shared_ptr<const Facts> facts_;  // what is asked often
    Time this_update_;
    std::optional<Time> next_update_;
};

}  // namespace culvert::x509
