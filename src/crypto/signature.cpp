#include "crypto/signature.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "base/assert.hpp"

namespace culvert::crypto {
namespace {

constexpr std::array hashes{HashAlgorithm::sha1, HashAlgorithm::sha2_256, HashAlgorithm::sha2_384,
                            HashAlgorithm::sha2_512};

std::string_view hash_name(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1: return "SHA1";
        case HashAlgorithm::sha2_256: return "SHA2_256";
        case HashAlgorithm::sha2_384: return "SHA2_384";
        case HashAlgorithm::sha2_512: return "SHA2_512";
    }
    return "?";
}

Bytes octets(std::string_view text) { return from_hex(text).value(); }

// One DER element with a short length.
Bytes element(std::uint8_t tag, ByteView contents) {
    ASSERT(contents.size() < 128);
    Bytes out{tag, static_cast<std::uint8_t>(contents.size())};
    append(out, contents);
    return out;
}
Bytes sequence(std::initializer_list<ByteView> parts) {
    Bytes contents;
    for (const ByteView part : parts) { append(contents, part); }
    return element(0x30, contents);
}

Bytes hash_oid(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1: return octets("06052b0e03021a");
        case HashAlgorithm::sha2_256: return octets("0609608648016503040201");
        case HashAlgorithm::sha2_384: return octets("0609608648016503040202");
        case HashAlgorithm::sha2_512: return octets("0609608648016503040203");
    }
    return {};
}

// RFC 7427 A.1.
Bytes rsa_oid(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1: return octets("06092a864886f70d010105");
        case HashAlgorithm::sha2_256: return octets("06092a864886f70d01010b");
        case HashAlgorithm::sha2_384: return octets("06092a864886f70d01010c");
        case HashAlgorithm::sha2_512: return octets("06092a864886f70d01010d");
    }
    return {};
}

// RFC 7427 A.3.
Bytes ecdsa_oid(HashAlgorithm hash) {
    switch (hash) {
        case HashAlgorithm::sha1: return octets("06072a8648ce3d0401");
        case HashAlgorithm::sha2_256: return octets("06082a8648ce3d040302");
        case HashAlgorithm::sha2_384: return octets("06082a8648ce3d040303");
        case HashAlgorithm::sha2_512: return octets("06082a8648ce3d040304");
    }
    return {};
}

const Bytes& null_parameters() {
    static const Bytes null{5, 0};
    return null;
}

// RFC 7427 A.4, RFC 4055 3.1. SHA-1 and 20 octets of salt are defaults and left out.
Bytes pss_identifier(HashAlgorithm hash, std::size_t salt_size, bool with_null) {
    const Bytes oid = octets("06092a864886f70d01010a");
    Bytes parameters;
    if (hash != HashAlgorithm::sha1) {
        const Bytes inner =
            with_null ? sequence({hash_oid(hash), null_parameters()}) : sequence({hash_oid(hash)});
        append(parameters, element(0xa0, inner));
        append(parameters, element(0xa1, sequence({octets("06092a864886f70d010108"), inner})));
    }
    if (salt_size != 20) {
        append(parameters, element(0xa2, element(2, Bytes{static_cast<std::uint8_t>(salt_size)})));
    }
    return sequence({oid, element(0x30, parameters)});
}

bool same(ByteView a, const Bytes& b) { return std::ranges::equal(a, b); }

// The salt's length is told apart by trying: there are few that anybody uses.
std::optional<SignatureScheme> parse_pss(ByteView der) {
    for (const HashAlgorithm hash : hashes) {
        for (std::size_t salt = 0; salt <= 64; ++salt) {
            if (same(der, pss_identifier(hash, salt, true)) ||
                same(der, pss_identifier(hash, salt, false))) {
                return SignatureScheme{
                    .key = KeyType::rsa, .pss = true, .hash = hash, .salt_size = salt};
            }
        }
    }
    return std::nullopt;
}

}  // namespace

std::string_view name(KeyType type) {
    switch (type) {
        case KeyType::rsa: return "rsa";
        case KeyType::ecdsa: return "ecdsa";
        case KeyType::ed25519: return "ed25519";
        case KeyType::ed448: return "ed448";
    }
    return "?";
}

std::string to_string(const SignatureScheme& scheme) {
    const std::string hash{hash_name(scheme.hash)};
    switch (scheme.key) {
        case KeyType::rsa: return (scheme.pss ? "RSA_PSS_" : "RSA_PKCS1_") + hash;
        case KeyType::ecdsa: return "ECDSA_" + hash;
        case KeyType::ed25519: return "ED25519";
        case KeyType::ed448: return "ED448";
    }
    return "?";
}

Bytes algorithm_identifier(const SignatureScheme& scheme) {
    ASSERT(!scheme.fixed_form);
    switch (scheme.key) {
        case KeyType::rsa:
            return scheme.pss ? pss_identifier(scheme.hash, scheme.salt_size, true)
                              : sequence({rsa_oid(scheme.hash), null_parameters()});
        case KeyType::ecdsa: return sequence({ecdsa_oid(scheme.hash)});
        case KeyType::ed25519: return octets("300506032b6570");
        case KeyType::ed448: return octets("300506032b6571");
    }
    return {};
}

Result<SignatureScheme> parse_algorithm_identifier(ByteView der) {
    for (const HashAlgorithm hash : hashes) {
        const SignatureScheme rsa{.key = KeyType::rsa, .hash = hash};
        // RFC 4055 2.1: the NULL may be missing.
        if (same(der, algorithm_identifier(rsa)) || same(der, sequence({rsa_oid(hash)}))) {
            return rsa;
        }
        const SignatureScheme ecdsa{.key = KeyType::ecdsa, .hash = hash};
        if (same(der, algorithm_identifier(ecdsa))) { return ecdsa; }
    }
    for (const KeyType type : {KeyType::ed25519, KeyType::ed448}) {
        const SignatureScheme scheme{.key = type};
        if (same(der, algorithm_identifier(scheme))) { return scheme; }
    }
    if (auto pss = parse_pss(der)) { return *pss; }
    constexpr std::size_t shown_max = 80;
    return std::unexpected(Error{
        .code = ErrorCode::unsupported,
        .wanted =
            "a signature by RSA (PKCS#1 v1.5 or PSS), ECDSA, Ed25519 or Ed448 with SHA-1 or SHA-2",
        .received = "the AlgorithmIdentifier " + to_hex(der.first(std::min(der.size(), shown_max))),
        .remedy = "let the peer sign with one of these"});
}

}  // namespace culvert::crypto
