// connections.<conn>.local and remote: how each side proves who it is.

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/bytes.hpp"
#include "config/credentials.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

using crypto::HashAlgorithm;
using crypto::KeyType;

struct HashWord {
    std::string_view word;
    HashAlgorithm hash;
};
constexpr std::array hash_words{
    HashWord{"sha1", HashAlgorithm::sha1},         HashWord{"sha256", HashAlgorithm::sha2_256},
    HashWord{"sha2_256", HashAlgorithm::sha2_256}, HashWord{"sha384", HashAlgorithm::sha2_384},
    HashWord{"sha2_384", HashAlgorithm::sha2_384}, HashWord{"sha512", HashAlgorithm::sha2_512},
    HashWord{"sha2_512", HashAlgorithm::sha2_512}};

struct KeyWord {
    std::string_view word;
    std::optional<KeyType> type;
    bool pss = false;
};
constexpr std::array key_words{
    KeyWord{"pubkey", std::nullopt},        KeyWord{"rsa", KeyType::rsa},
    KeyWord{"rsa/pss", KeyType::rsa, true}, KeyWord{"ecdsa", KeyType::ecdsa},
    KeyWord{"ed25519", KeyType::ed25519},   KeyWord{"ed448", KeyType::ed448}};

struct Rules {
    ike::SignatureRules chain;
    ike::SignatureRules auth;  // behind "ike:"
};

bool is_plain(const ike::SignatureRule& rule) { return rule == ike::SignatureRule{}; }

// "rsa-3072-sha256-ecdsa-256", "pubkey-sha384-ike:rsa/pss-sha512": a kind of key, the least size,
// hashes; and again.
bool parse_rules(std::string_view text, Rules& out) {
    if (text.ends_with('-')) { return false; }
    ike::SignatureRules* into = &out.chain;
    while (!text.empty()) {
        const auto dash = text.find('-');
        std::string_view word = text.substr(0, dash);
        text = dash == std::string_view::npos ? std::string_view{} : text.substr(dash + 1);
        if (word.starts_with("ike:")) {
            word.remove_prefix(4);
            into = &out.auth;
        }
        const auto* const key = std::ranges::find(key_words, word, &KeyWord::word);
        if (key != key_words.end()) {
            into->push_back({.type = key->type, .pss_only = key->pss});
            continue;
        }
        if (into->empty()) { return false; }
        ike::SignatureRule& rule = into->back();
        const auto* const hash = std::ranges::find(hash_words, word, &HashWord::word);
        if (hash != hash_words.end()) {
            rule.hashes.push_back(hash->hash);
            continue;
        }
        const auto [at, error] =
            std::from_chars(word.data(), word.data() + word.size(), rule.bits_min);
        if (word.empty() || error != std::errc{} || at != word.data() + word.size() ||
            rule.bits_min > 16384) {
            return false;
        }
    }
    return !out.chain.empty() || !out.auth.empty();
}

// "eap-mschapv2", "eap-dynamic", "eap"; what may follow a colon is for methods with TLS.
void read_eap(const Field& field, const std::string& method, ike::AuthConfig& auth) {
    auth.method = ike::AuthMethodKind::eap;
    const std::string_view word = std::string_view{method}.substr(std::string_view{"eap"}.size());
    if (word.empty() || word == "-dynamic") {
        auth.eap_methods = ike::eap::methods();
    } else if (const auto one = ike::eap::method_of(word.substr(1)); one && word.front() == '-') {
        auth.eap_methods = {*one};
    } else if (word.starts_with("-tls:")) {
        Rules rules;
        auth.eap_methods = {ike::eap::Type::tls};
        if (!parse_rules(word.substr(5), rules) || !rules.auth.empty()) {
            field.error(fmt::format("\"{}\" has no constraints that eap-tls can have",
                                    printable(method, 80)),
                        "write a kind of key, its least size and hashes, as in "
                        "eap-tls:rsa-3072-sha256");
        } else if (std::ranges::none_of(rules.chain, is_plain)) {
            auth.chain_rules = std::move(rules.chain);
        }
    } else {
        auth.eap_methods = ike::eap::methods();
        field.error(fmt::format("auth = {} is not built yet", printable(method, 80)),
                    word == "-radius"
                        ? "use auth = eap-mschapv2, with the users in secrets { eap-... }"
                        : "use eap-mschapv2, eap-tls, eap-md5 or eap-gtc, or eap-dynamic for what "
                          "the peer wants");
    }
}

void read_method(const Field& field, SectionKind side, ike::AuthConfig& auth) {
    const auto method = field.text();
    if (!method) { return; }
    if (*method == "psk") {
        auth.method = ike::AuthMethodKind::psk;
        return;
    }
    if (*method == "null") {
        auth.method = ike::AuthMethodKind::null;
        return;
    }
    if (method->starts_with("eap")) { return read_eap(field, *method, auth); }
    Rules rules;
    if (parse_rules(*method, rules)) {
        // "pubkey" alone asks for nothing; and what is asked of the chain is asked of AUTH, unless
        // that has rules of its own (strongSwan's signature_authentication_constraints).
        const auto asks_nothing = [](const ike::SignatureRules& list) {
            return std::ranges::any_of(list, is_plain);
        };
        if (rules.auth.empty()) { rules.auth = rules.chain; }
        if (!asks_nothing(rules.chain)) { auth.chain_rules = std::move(rules.chain); }
        if (!asks_nothing(rules.auth)) { auth.auth_rules = std::move(rules.auth); }
        return;
    }
    auth.method = ike::AuthMethodKind::psk;  // no more words about keys
    for (const std::string_view known : {"xauth", "any", "bliss"}) {
        if (method->starts_with(known)) {
            field.error(fmt::format("auth = {} is not built yet", printable(*method, 80)),
                        fmt::format("use auth = pubkey, or auth = psk and a secret for {} in "
                                    "secrets",
                                    side == SectionKind::local ? "both ids" : "the peer's id"));
            return;
        }
    }
    field.error(fmt::format("\"{}\" is not a way to authenticate", printable(*method, 80)),
                "write auth = psk, pubkey, eap-mschapv2 or null; of a key its kind, least size and "
                "hashes may follow, as in rsa-3072-sha256");
}

void read_policies(const Field& field, ike::AuthConfig& auth) {
    const auto policies = field.list();
    if (policies && policies->empty()) {
        field.error("names no policy", "remove the line, or name one");
    }
    for (const std::string& policy : policies.value_or(vici::List{})) {
        const bool oid = !policy.empty() && std::ranges::all_of(policy, [](char c) {
            return c == '.' || (c >= '0' && c <= '9');
        });
        if (oid) {
            auth.policies.push_back(policy);
        } else {
            field.error(fmt::format("\"{}\" is not an OID", printable(policy, 80)),
                        "write digits and dots, as in 1.3.6.1.4.1.99");
        }
    }
}

void add(std::vector<x509::Certificate>& into, std::vector<x509::Certificate> more) {
    std::ranges::move(more, std::back_inserter(into));
}

void read_remote(const Field& field, ike::AuthConfig& auth) {
    using x509::RevocationPolicy;
    const std::string& key = field.key();
    if (key == "certs") {
        add(auth.pinned, read_certificates(field, "x509"));
    } else if (key == "cacerts") {
        add(auth.cacerts, read_certificates(field, "x509ca"));
    } else if (key == "ca_id") {
        if (auto id = read_identity(field)) { auth.ca_id = *std::move(id); }
    } else if (key == "cert_policy") {
        read_policies(field, auth);
    } else {
        ASSERT(key == "revocation");
        const auto policy = read_word<RevocationPolicy>(field,
                                                        {{"relaxed", RevocationPolicy::relaxed},
                                                         {"ifuri", RevocationPolicy::ifuri},
                                                         {"strict", RevocationPolicy::strict}},
                                                        "relaxed, ifuri or strict");
        if (policy) { auth.revocation = *policy; }
    }
}

void read_certificate_of(const Scope& scope, const Field& field, SectionKind side,
                         ike::AuthConfig& auth) {
    const bool authority = field.key().starts_with("cacert");
    std::string handle;
    const bool ours = side == SectionKind::local;
    auto one = read_certificate_section(Scope{scope, field}, side, authority ? "cacert" : "cert",
                                        authority ? "x509ca" : "x509", ours ? &handle : nullptr);
    if (!handle.empty()) { auth.own_handles.push_back(std::move(handle)); }
    if (!one) { return; }
    auto& into = authority ? auth.cacerts : (side == SectionKind::local ? auth.own : auth.pinned);
    into.push_back(std::move(*one));
}

// RFC 7619: whoever proves nothing has no name.
void settle_null(const Scope& scope, SectionKind side, ike::AuthConfig& auth) {
    if (auth.method != ike::AuthMethodKind::null) { return; }
    if (auth.id.type != ike::IdType::any) {
        scope.error("has auth = null, and an id that nobody proves",
                    side == SectionKind::local ? "leave id out: the peer takes us for nobody"
                                               : "leave id out, or use auth = psk or pubkey");
    }
    if (side == SectionKind::local) {
        auth.id = {.type = ike::IdType::null, .data = {}};
        return;
    }
    scope.warning("lets everybody in whose address fits: auth = null proves nothing",
                  "use auth = psk or pubkey, unless encryption against listeners alone is meant");
}

}  // namespace

AuthRound read_auth(const Scope& scope, SectionKind side) {
    AuthRound out{.section = std::string{scope.name()}};
    out.auth.method = ike::AuthMethodKind::pubkey;  // strongSwan's default
    const auto read = side == SectionKind::remote ? read_identity_pattern : read_own_identity;
    scope.each([&](const Field& field) {
        const std::string& key = field.key();
        const Keyword* keyword = find_keyword(side, key);
        if (keyword == nullptr) { return unknown_keyword(field, side); }
        if (keyword->status != KeywordStatus::built) { return not_built(field, *keyword); }
        if (field.section() != nullptr && keyword->name.contains('<')) {
            read_certificate_of(scope, field, side, out.auth);
        } else if (key == "auth") {
            read_method(field, side, out.auth);
        } else if (key == "id") {
            if (auto id = read(field)) { out.auth.id = *std::move(id); }
        } else if (key == "eap_id") {
            if (auto id = read(field)) { out.auth.eap_id = *std::move(id); }
            out.auth.asks_eap_id = side == SectionKind::remote;
        } else if (key == "aaa_id") {
            if (auto id = read_identity(field)) { out.auth.aaa_id = *std::move(id); }
        } else if (key == "pubkeys") {
            std::ranges::move(read_public_keys(field), std::back_inserter(out.auth.pubkeys));
        } else if (key == "round") {
            if (const auto round = read_number(field, 0, 1000)) {
                out.round = static_cast<unsigned>(*round);
            }
        } else if (keyword->name.contains('<')) {
            field.error("is a section, but is given a value",
                        fmt::format("write {} {{ file = ... }}", printable(key)));
        } else if (side == SectionKind::local) {
            ASSERT(key == "certs");
            add(out.auth.own, read_certificates(field, "x509"));
        } else {
            read_remote(field, out.auth);
        }
    });
    settle_null(scope, side, out.auth);
    return out;
}

}  // namespace culvert::config
