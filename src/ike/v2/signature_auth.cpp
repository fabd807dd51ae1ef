#include "ike/v2/signature_auth.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/reader.hpp"
#include "base/writer.hpp"

namespace culvert::ike::v2 {

using crypto::HashAlgorithm;
using crypto::KeyType;
using crypto::SignatureScheme;
using wire::AuthMethod;

namespace {

constexpr std::uint16_t hash_identity = 5;  // RFC 8420 2: the message itself is signed

struct KnownHash {
    std::uint16_t number = 0;
    HashAlgorithm hash{};
};
constexpr std::array<KnownHash, 3> known_hashes{
    {{2, HashAlgorithm::sha2_256}, {3, HashAlgorithm::sha2_384}, {4, HashAlgorithm::sha2_512}}};

bool takes(const SignatureHashes& peer, std::uint16_t number) {
    return std::ranges::find(peer, number) != peer.end();
}

Error cannot_sign(std::string_view connection, const crypto::PublicKey& key, std::string_view why) {
    return {.code = ErrorCode::authentication_failed,
            .notify = wire::NotifyType::authentication_failed,
            .wanted = fmt::format("to sign with the {} key of connections.{}.local",
                                  key.to_string(), connection),
            .received = std::string(why),
            .remedy = "use a key of another kind for this peer, or update the peer"};
}

Error signature_refused(std::string_view connection, const crypto::PublicKey& key,
                        std::string_view why) {
    return {.code = ErrorCode::authentication_failed,
            .notify = wire::NotifyType::authentication_failed,
            .wanted = fmt::format("a signature of the peer's {} key (connections.{}.remote)",
                                  key.to_string(), connection),
            .received = std::string(why),
            .remedy = fmt::format("check that connections.{}.remote names the key that the peer "
                                  "signs with now",
                                  connection)};
}

std::string not_by(const SignatureRules& rules) {
    return fmt::format(", which remote.auth does not allow: it is {}", to_string(rules));
}

// RFC 8247 3.2, but where local.auth names "rsa" and not "rsa/pss", for peers that do not have it.
bool signs_with_pss(const crypto::PublicKey& key, const SignatureRules& rules) {
    return key.type() == KeyType::rsa && std::ranges::none_of(rules, [](const SignatureRule& rule) {
               return rule.type == KeyType::rsa && !rule.pss_only;
           });
}

// The hash that fits the key's strength, if the peer takes it, else the strongest that it takes.
std::optional<HashAlgorithm> hash_for(const crypto::PublicKey& key, const SignatureHashes& peer,
                                      const SignatureRules& rules) {
    const auto fits = [&](const KnownHash& known) {
        const SignatureScheme scheme{
            .key = key.type(), .pss = signs_with_pss(key, rules), .hash = known.hash};
        return takes(peer, known.number) && allow(rules, key, scheme);
    };
    const unsigned strength = key.strength();
    const std::size_t best = strength > 192 ? 2 : (strength > 128 ? 1 : 0);
    if (fits(known_hashes.at(best))) { return known_hashes.at(best).hash; }
    for (std::size_t i = known_hashes.size(); i > 0; --i) {
        if (fits(known_hashes.at(i - 1))) { return known_hashes.at(i - 1).hash; }
    }
    return std::nullopt;
}

struct OlderForm {
    AuthMethod method{};
    SignatureScheme scheme;
};

// RFC 7296 3.8, RFC 4754 3: the method says curve and hash. There is none for other curves of the
// same size.
std::optional<OlderForm> older_form(const crypto::PublicKey& key) {
    if (key.type() == KeyType::rsa) {
        return OlderForm{AuthMethod::rsa_signature,
                         {.key = KeyType::rsa, .hash = HashAlgorithm::sha1}};
    }
    const auto ecdsa = [](AuthMethod method, HashAlgorithm hash) {
        return OlderForm{method, {.key = KeyType::ecdsa, .hash = hash, .fixed_form = true}};
    };
    const std::string_view curve = key.curve();
    if (curve == "P-256") { return ecdsa(AuthMethod::ecdsa_256, HashAlgorithm::sha2_256); }
    if (curve == "P-384") { return ecdsa(AuthMethod::ecdsa_384, HashAlgorithm::sha2_384); }
    if (curve == "P-521") { return ecdsa(AuthMethod::ecdsa_521, HashAlgorithm::sha2_512); }
    return std::nullopt;
}

// For a peer that did not say which hashes it takes.
Result<wire::Authentication> older_signature(std::string_view connection,
                                             const crypto::PrivateKey& key, ByteView octets,
                                             const SignatureRules& rules) {
    constexpr std::string_view such_a_peer = "a peer without SIGNATURE_HASH_ALGORITHMS (RFC 7427)";
    const crypto::PublicKey& shown = key.public_key();
    const auto older = older_form(shown);
    if (!older) {
        return std::unexpected(
            cannot_sign(connection, shown, fmt::format("{}, which cannot verify it", such_a_peer)));
    }
    if (!allow(rules, shown, older->scheme)) {
        return std::unexpected(
            cannot_sign(connection, shown,
                        fmt::format("{}, which takes {} alone; local.auth allows {}", such_a_peer,
                                    crypto::to_string(older->scheme), to_string(rules))));
    }
    auto signature = key.sign(older->scheme, octets);
    if (!signature) { return std::unexpected(std::move(signature).error()); }
    return wire::Authentication{.method = older->method, .data = std::move(*signature)};
}

// RFC 7427 3: the length of the AlgorithmIdentifier, it, the signature.
Result<wire::Authentication> digital_signature(const crypto::PrivateKey& key,
                                               const SignatureScheme& scheme, ByteView octets) {
    auto signature = key.sign(scheme, octets);
    if (!signature) { return std::unexpected(std::move(signature).error()); }
    const Bytes algorithm = crypto::algorithm_identifier(scheme);
    Writer out;
    out.u8(static_cast<std::uint8_t>(algorithm.size()));
    out.bytes(algorithm);
    out.bytes(*signature);
    return wire::Authentication{.method = AuthMethod::digital_signature, .data = out.take()};
}

Status verify_digital(std::string_view connection, const crypto::PublicKey& key, ByteView data,
                      ByteView octets, const SignatureRules& rules) {
    const auto refuse = [&](std::string_view why) {
        return std::unexpected(signature_refused(connection, key, why));
    };
    if (data.empty() || data.size() <= std::size_t{1} + data.front()) {
        return refuse("AUTH that is too short for its algorithm");
    }
    const ByteView algorithm = data.subspan(1, data.front());
    const auto scheme = crypto::parse_algorithm_identifier(algorithm);
    if (!scheme) { return refuse("AUTH by an algorithm that we do not know"); }
    const std::string what = crypto::to_string(*scheme);
    if (scheme->key != key.type()) { return refuse("AUTH by " + what); }
    const bool hashes = scheme->key == KeyType::rsa || scheme->key == KeyType::ecdsa;
    const bool takes_hash = std::ranges::any_of(
        known_hashes, [&](const KnownHash& known) { return known.hash == scheme->hash; });
    if (hashes && !takes_hash) { return refuse(what + ", whose hash we do not take"); }
    if (!allow(rules, key, *scheme)) { return refuse(what + not_by(rules)); }
    if (!key.verify(*scheme, octets, data.subspan(std::size_t{1} + data.front()))) {
        return refuse(what + " that does not verify with it");
    }
    return {};
}

}  // namespace

wire::Notify signature_hashes_notify() {
    Writer out;
    for (const KnownHash& known : known_hashes) { out.u16(known.number); }
    out.u16(hash_identity);
    return {.type = wire::NotifyType::signature_hash_algorithms, .data = out.take()};
}

SignatureHashes signature_hashes_in(const wire::Payloads& payloads) {
    const auto* notify = wire::find_notify(payloads, wire::NotifyType::signature_hash_algorithms);
    SignatureHashes out;
    if (notify == nullptr) { return out; }
    Reader in{notify->data};
    for (std::size_t i = 0; i < notify->data.size() / 2; ++i) {
        const std::uint16_t number = in.u16();
        if (number <= hash_identity && !takes(out, number)) { out.push_back(number); }
    }
    return out;
}

bool is_signature(AuthMethod method) {
    return method == AuthMethod::rsa_signature || method == AuthMethod::ecdsa_256 ||
           method == AuthMethod::ecdsa_384 || method == AuthMethod::ecdsa_521 ||
           method == AuthMethod::digital_signature;
}

Result<wire::Authentication> sign_auth(std::string_view connection, const crypto::PrivateKey& key,
                                       ByteView octets, const SignatureHashes& peer,
                                       const SignatureRules& rules) {
    const crypto::PublicKey& shown = key.public_key();
    if (peer.empty()) { return older_signature(connection, key, octets, rules); }
    SignatureScheme scheme{.key = key.type()};
    if (key.type() == KeyType::rsa || key.type() == KeyType::ecdsa) {
        const auto hash = hash_for(shown, peer, rules);
        if (!hash) {
            return std::unexpected(
                cannot_sign(connection, shown,
                            "a peer that takes none of the hash algorithms that we may use"));
        }
        scheme.hash = *hash;
        scheme.pss = signs_with_pss(shown, rules);
        scheme.salt_size = scheme.pss ? crypto::hash_size(*hash) : 0;
    } else if (!takes(peer, hash_identity)) {
        return std::unexpected(
            cannot_sign(connection, shown, "a peer that does not take EdDSA (RFC 8420)"));
    }
    return digital_signature(key, scheme, octets);
}

Status verify_auth(std::string_view connection, const crypto::PublicKey& key,
                   const wire::Authentication& auth, ByteView octets, const SignatureRules& rules) {
    if (auth.method == AuthMethod::digital_signature) {
        return verify_digital(connection, key, auth.data, octets, rules);
    }
    const auto refuse = [&](std::string_view why) {
        return std::unexpected(signature_refused(connection, key, why));
    };
    const auto older = older_form(key);
    if (!older || older->method != auth.method) {
        return refuse("AUTH by " + wire::to_string(auth.method));
    }
    if (allow(rules, key, older->scheme) && key.verify(older->scheme, octets, auth.data)) {
        return {};
    }
    if (key.type() == KeyType::rsa) {
        // RFC 7296 3.8 lets the signer take another hash than SHA-1.
        for (const KnownHash& known : known_hashes) {
            const SignatureScheme scheme{.key = KeyType::rsa, .hash = known.hash};
            if (allow(rules, key, scheme) && key.verify(scheme, octets, auth.data)) { return {}; }
        }
    }
    if (!allow(rules, key, older->scheme)) {
        return refuse(crypto::to_string(older->scheme) + not_by(rules));
    }
    return refuse("one that does not verify with it");
}

}  // namespace culvert::ike::v2
