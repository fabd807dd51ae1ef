#pragma once
// What this host knows of keys, certificates and lists of revoked ones, and the rules that swanctl
// puts on those of a peer. Immutable once in a Config.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "crypto/private_key.hpp"
#include "crypto/public_key.hpp"
#include "ike/auth/identity.hpp"
#include "x509/certificate.hpp"
#include "x509/chain.hpp"
#include "x509/crl.hpp"

namespace culvert::ike {

// swanctl's authorities.<name>: where an authority answers, besides what its certificates say.
struct AuthorityInfo {
    std::string name;
    x509::Certificate certificate;
    std::vector<std::string> crl_urls;
    std::vector<std::string> ocsp_urls;
    // Where its certificates lie, each under the hex SHA-1 of itself; empty: nowhere.
    std::string certificate_url_base{};
};

// A certificate on a token, beside the key that is in use.
struct TokenCertificate {
    std::string handle;  // CKA_ID, hex, lower case
    x509::Certificate certificate;
};

struct CredentialSet {
    std::vector<x509::Certificate> authorities;   // x509ca: trusted by every connection without
                                                  // cacerts of its own
    std::vector<x509::Certificate> certificates;  // x509: ours, peers' and those in between
    std::vector<x509::Certificate> responders;    // x509ocsp: whose OCSP answers count
    std::vector<x509::Crl> crls;
    std::vector<std::shared_ptr<const crypto::PrivateKey>> keys;
    std::vector<AuthorityInfo> infos;
    std::vector<TokenCertificate> on_tokens;  // are in `certificates` as well
};

// A certificate that we can sign for.
struct OwnCertificate {
    std::shared_ptr<const crypto::PrivateKey> key;
    x509::Certificate certificate;
    std::vector<Bytes> chain;        // DER: it, then those between it and its authority
    std::vector<Bytes> authorities;  // SHA-1 of the public key of each one above it (RFC 7296 3.7)
};

// swanctl's ocsp: responses inside of IKE (RFC 4806).
enum class OcspInBand : std::uint8_t { reply, request, both, never };

// swanctl's send_cert.
enum class SendCertificate : std::uint8_t { if_asked, always, never };

// A part of swanctl's auth = rsa-3072-sha256: keys of this type must be so long, and sign with one
// of these hashes.
struct SignatureRule {
    std::optional<crypto::KeyType> type{};  // none: of any type
    unsigned bits_min = 0;
    bool pss_only = false;
    std::vector<crypto::HashAlgorithm> hashes{};  // empty: any

    friend bool operator==(const SignatureRule&, const SignatureRule&) = default;
};
// One rule must hold, if there is any.
using SignatureRules = std::vector<SignatureRule>;
std::string to_string(const SignatureRules& rules);
bool allow(const SignatureRules& rules, const crypto::PublicKey& key);
bool allow(const SignatureRules& rules, const crypto::PublicKey& key,
           const crypto::SignatureScheme& scheme);

// Whether a certificate speaks for this identity (RFC 4945 3.1, 4): its subject, one of its
// subjectAltNames, or, for a key id, the SHA-1 of its public key. Octet by octet but for the case
// of letters in names; no wildcards, as neither side of this comparison is ours.
bool certifies(const x509::Certificate& certificate, const Identity& identity);
Identity subject_of(const x509::Certificate& certificate);
// "CN=gw, DNS gw.example, 192.0.2.1": all that it speaks for.
std::string names_of(const x509::Certificate& certificate);

}  // namespace culvert::ike
