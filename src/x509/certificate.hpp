#pragma once
// An X.509 certificate as IKE uses it (RFC 5280, RFC 4945): parsed, never trusted. Whether it is to
// be trusted says chain.hpp.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "crypto/public_key.hpp"

struct x509_st;

namespace culvert::x509 {

// Seconds of the calendar; handed in, never asked for.
using Time = std::chrono::sys_seconds;

std::string to_string(Time time);  // "2026-11-24 05:00:00 UTC"

// RFC 5280 4.2.1.6.
struct SubjectAltName {
    enum class Kind : std::uint8_t { dns, email, ip, directory_name };
    Kind kind{};
    Bytes value;  // text, address octets, or the DER of the name

    friend bool operator==(const SubjectAltName&, const SubjectAltName&) = default;
};

struct CertificateBundle;

class Certificate {
 public:
    // DER or PEM (the first certificate of it). Fails with malformed; unsupported for a key that we
    // cannot use.
    static Result<Certificate> parse(ByteView file);
    // Every certificate of a PEM file, or the one of a DER file. Fails as parse() does, with what
    // is wrong with the first, if none of them can be used.
    static Result<CertificateBundle> parse_all(ByteView file);

    Bytes der() const;
    const crypto::PublicKey& public_key() const { return key_; }
    std::string subject() const;
    std::string issuer() const;
    Bytes subject_der() const;
    Bytes issuer_der() const;
    std::string serial() const;  // hex, as openssl prints it
    Time not_before() const { return not_before_; }
    Time not_after() const { return not_after_; }
    bool is_authority() const;  // basicConstraints CA, or a self-signed one of version 1
    bool is_self_issued() const;
    // Whether that one's name and key id are those that this one names, and its key signed this
    // one: several authorities may have one name, and one authority several keys. Neither validity
    // nor what the issuer may do is looked at.
    bool is_issued_by(const Certificate& issuer) const;
    bool is_self_signed() const;
    std::vector<SubjectAltName> alternative_names() const;
    // Where its issuer publishes CRLs, and answers OCSP (http and https only).
    std::vector<std::string> crl_urls() const;
    std::vector<std::string> ocsp_urls() const;
    // What its issuer signed it with; nothing if we know no such scheme.
    std::optional<crypto::SignatureScheme> signature_scheme() const;
    // One line for people: subject, issuer, serial.
    std::string to_string() const;

    // For this room's sources.
    x509_st* object() const { return object_.get(); }

    friend bool operator==(const Certificate& a, const Certificate& b) {
        return a.object_ == b.object_ || a.der() == b.der();
    }

 private:
    Certificate(std::shared_ptr<x509_st> object, crypto::PublicKey key, Time not_before,
                Time not_after)
        : object_(std::move(object)),
          key_(std::move(key)),
          not_before_(not_before),
          not_after_(not_after) {}
    static Result<Certificate> of(std::shared_ptr<x509_st> object);

    std::shared_ptr<x509_st> object_;
    crypto::PublicKey key_;
    Time not_before_;
    Time not_after_;
};

// An authority that nobody is above: trusted where nothing says what it is to be.
bool is_root(const Certificate& one);

// What is in one file.
struct CertificateBundle {
    std::vector<Certificate> certificates;
    std::vector<Error> unusable;  // why others of it are not among them, in their order
};

}  // namespace culvert::x509
