#include "ike/v2/announced_methods.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

using crypto::HashAlgorithm;
using crypto::KeyType;
using crypto::SignatureScheme;
using wire::AuthMethod;

namespace {

// RFC 9593 3.2: length and method; the authority's number; the AlgorithmIdentifier.
constexpr std::size_t plain_size = 2;
constexpr std::size_t linked_size = 3;
constexpr std::uint8_t any_authority = 0;

std::vector<SignatureScheme> all_schemes() {
    std::vector<SignatureScheme> out;
    for (const HashAlgorithm hash :
         {HashAlgorithm::sha2_256, HashAlgorithm::sha2_384, HashAlgorithm::sha2_512}) {
        out.push_back({.key = KeyType::ecdsa, .hash = hash});
        out.push_back(
            {.key = KeyType::rsa, .pss = true, .hash = hash, .salt_size = crypto::hash_size(hash)});
        out.push_back({.key = KeyType::rsa, .hash = hash});
    }
    out.push_back({.key = KeyType::ed25519});
    out.push_back({.key = KeyType::ed448});
    return out;
}

// As allow(), before the key is known.
bool may_be_allowed(const SignatureRules& rules, const SignatureScheme& scheme) {
    const bool hashes = scheme.key == KeyType::rsa || scheme.key == KeyType::ecdsa;
    return rules.empty() || std::ranges::any_of(rules, [&](const SignatureRule& rule) {
               return (!rule.type || *rule.type == scheme.key) &&
                      (!rule.pss_only || scheme.key != KeyType::rsa || scheme.pss) &&
                      (rule.hashes.empty() || !hashes ||
                       std::ranges::find(rule.hashes, scheme.hash) != rule.hashes.end());
           });
}

void write(Writer& out, AuthMethod method) {
    out.u8(plain_size);
    out.u8(std::to_underlying(method));
}

void write(Writer& out, const SignatureScheme& scheme) {
    const Bytes algorithm = crypto::algorithm_identifier(scheme);
    out.u8(static_cast<std::uint8_t>(linked_size + algorithm.size()));
    out.u8(std::to_underlying(AuthMethod::digital_signature));
    out.u8(any_authority);
    out.bytes(algorithm);
}

// In any round of the peer (RFC 4739).
template <class Holds>
bool any_round(std::span<const ConnectionRef> connections, const Holds& holds) {
    return std::ranges::any_of(connections, [&](const ConnectionRef& one) {
        return holds(one->remote) || std::ranges::any_of(one->remote_more, holds);
    });
}

bool any_has(std::span<const ConnectionRef> connections, AuthMethodKind method) {
    return any_round(connections,
                     [&](const AuthConfig& remote) { return remote.method == method; });
}

bool any_allows(std::span<const ConnectionRef> connections, const SignatureScheme& scheme) {
    return any_round(connections, [&](const AuthConfig& remote) {
        return remote.method == AuthMethodKind::pubkey && may_be_allowed(remote.auth_rules, scheme);
    });
}

std::optional<KeyType> key_of(AuthMethod method) {
    switch (method) {
        case AuthMethod::rsa_signature: return KeyType::rsa;
        case AuthMethod::ecdsa_256:
        case AuthMethod::ecdsa_384:
        case AuthMethod::ecdsa_521: return KeyType::ecdsa;
        default: return std::nullopt;
    }
}

}  // namespace

std::optional<wire::Notify> announced_methods_notify(std::span<const ConnectionRef> connections) {
    // SIGNATURE_HASH_ALGORITHMS says as much, in a tenth of the octets.
    const bool any_key = any_round(connections, [](const AuthConfig& remote) {
        return remote.method == AuthMethodKind::pubkey && remote.auth_rules.empty();
    });
    if (any_key) { return std::nullopt; }
    Writer out;
    for (const SignatureScheme& scheme : all_schemes()) {
        if (any_allows(connections, scheme)) { write(out, scheme); }
    }
    if (any_has(connections, AuthMethodKind::psk)) { write(out, AuthMethod::shared_key); }
    if (any_has(connections, AuthMethodKind::null)) { write(out, AuthMethod::null); }
    if (out.view().empty()) { return std::nullopt; }
    return wire::Notify{.type = wire::NotifyType::supported_auth_methods, .data = out.take()};
}

AnnouncedMethods announced_methods_in(const wire::Payloads& payloads) {
    const auto* notify = wire::find_notify(payloads, wire::NotifyType::supported_auth_methods);
    AnnouncedMethods out;
    if (notify == nullptr) { return out; }
    ByteView rest{notify->data};
    while (!rest.empty()) {
        const std::size_t size = rest.front();
        if (size < plain_size || size > rest.size() || out.size() == announced_methods_max) {
            return {};  // RFC 9593 3.2: no announcement then
        }
        AnnouncedMethod one{.method = AuthMethod{rest[1]}};
        if (one.method == AuthMethod::digital_signature && size > linked_size) {
            if (auto scheme = crypto::parse_algorithm_identifier(
                    rest.subspan(linked_size, size - linked_size))) {
                one.scheme = *scheme;
            }
        }
        out.push_back(std::move(one));
        rest = rest.subspan(size);
    }
    return out;
}

bool takes_key(const AnnouncedMethods& announced, const crypto::PublicKey& key) {
    return announced.empty() || std::ranges::any_of(announced, [&](const AnnouncedMethod& one) {
               return (one.scheme && one.scheme->key == key.type()) ||
                      key_of(one.method) == key.type();
           });
}

bool takes_method(const AnnouncedMethods& announced, AuthMethod method) {
    return announced.empty() || std::ranges::any_of(announced, [&](const AnnouncedMethod& one) {
               return one.method == method;
           });
}

std::string words_of(const AnnouncedMethods& announced) {
    std::vector<std::string> words;
    for (const AnnouncedMethod& one : announced) {
        words.push_back(one.scheme ? crypto::to_string(*one.scheme) : wire::to_string(one.method));
    }
    return fmt::format("{}", fmt::join(words, ", "));
}

}  // namespace culvert::ike::v2
