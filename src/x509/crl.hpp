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

class Crl {
 public:
    // DER or PEM. Fails with malformed.
    static Result<Crl> parse(ByteView file);

    Bytes der() const;
    std::string issuer() const;
    Bytes issuer_der() const;
    Time this_update() const { return this_update_; }
    std::optional<Time> next_update() const { return next_update_; }
    // Of a delta CRL the number of the base that it completes (RFC 5280 5.2.4).
    std::optional<std::string> base_number() const;
    std::string number() const;  // hex; empty where there is none

    bool is_signed_by(const Certificate& authority) const;
    // The entry of a certificate; nothing if it is not listed. removeFromCRL counts as not listed.
    std::optional<Revoked> find(const Certificate& certificate) const;

 private:
    Crl(std::shared_ptr<X509_crl_st> object, Time this_update, std::optional<Time> next_update)
        : object_(std::move(object)), this_update_(this_update), next_update_(next_update) {}

    std::shared_ptr<X509_crl_st> object_;
    Time this_update_;
    std::optional<Time> next_update_;
};

}  // namespace culvert::x509
