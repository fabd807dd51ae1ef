#pragma once
// OCSP (RFC 6960): the question whether a certificate is in good standing, and the answer.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "x509/certificate.hpp"

struct ocsp_response_st;

namespace culvert::x509 {

// The DER of a request for one certificate, without nonce: answers may be kept (RFC 5019).
Bytes ocsp_request(const Certificate& certificate, const Certificate& issuer);

struct OcspStatus {
    bool revoked = false;
    Time when{};         // revoked: since when
    std::string reason;  // revoked: "keyCompromise"; empty where the answer gives none
    Time until{};        // how long it may be relied on
};

class OcspAnswer {
 public:
    // Fails with malformed, or with unsupported: the responder says that it cannot answer.
    static Result<OcspAnswer> parse(ByteView der);
    Bytes der() const;

    // What it says about the certificate: nothing if it is about another one, "unknown", not
    // current at `now`, or not signed by the issuer, by one whom the issuer has appointed (RFC
    // 6960 4.2.2.2), or by one of `responders`.
    std::optional<OcspStatus> status_of(const Certificate& certificate, const Certificate& issuer,
                                        const std::vector<Certificate>& responders, Time now) const;

 private:
    explicit OcspAnswer(std::shared_ptr<ocsp_response_st> object) : object_(std::move(object)) {}
    bool is_signed(const Certificate& issuer, const std::vector<Certificate>& responders,
                   Time now) const;

    std::shared_ptr<ocsp_response_st> object_;
};

}  // namespace culvert::x509
