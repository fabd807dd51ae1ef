#include "ike/credentials.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "ike/auth/distinguished_name.hpp"

namespace culvert::ike {

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(ByteView a, ByteView b) {
    return std::ranges::equal(as_text(a), as_text(b), {}, lower, lower);
}

// Both ways: a "*" of a peer must stand for nothing but itself.
bool same_subject(ByteView a, ByteView b) {
    const auto first = parse_name_der(a);
    const auto second = parse_name_der(b);
    return first && second && name_matches(*first, *second) && name_matches(*second, *first);
}

using Kind = x509::SubjectAltName::Kind;

bool is(const x509::SubjectAltName& name, const Identity& identity) {
    switch (identity.type) {
        case IdType::fqdn: return name.kind == Kind::dns && same_name(name.value, identity.data);
        case IdType::rfc822_addr:
            return name.kind == Kind::email && same_name(name.value, identity.data);
        case IdType::ipv4_addr:
        case IdType::ipv6_addr: return name.kind == Kind::ip && name.value == identity.data;
        case IdType::der_asn1_dn:
            return name.kind == Kind::directory_name && same_subject(name.value, identity.data);
        case IdType::any:
        case IdType::der_asn1_gn:
        case IdType::key_id:
        case IdType::null:
        case IdType::address_range:
        case IdType::regex: break;
    }
    return false;
}

Identity identity_of(const x509::SubjectAltName& name) {
    switch (name.kind) {
        case Kind::dns: return {IdType::fqdn, name.value};
        case Kind::email: return {IdType::rfc822_addr, name.value};
        case Kind::ip:
            return {name.value.size() == 4 ? IdType::ipv4_addr : IdType::ipv6_addr, name.value};
        case Kind::directory_name: break;
    }
    return {IdType::der_asn1_dn, name.value};
}

bool fits(const SignatureRule& rule, const crypto::PublicKey& key) {
    return (!rule.type || *rule.type == key.type()) && key.bits() >= rule.bits_min;
}

}  // namespace

std::string to_string(const SignatureRules& rules) {
    std::string out;
    for (const SignatureRule& rule : rules) {
        out += fmt::format("{}{}{}", out.empty() ? "" : " or ",
                           rule.type ? crypto::name(*rule.type) : "pubkey",
                           rule.pss_only ? "/pss" : "");
        if (rule.bits_min > 0) { out += fmt::format("-{}", rule.bits_min); }
        for (const crypto::HashAlgorithm hash : rule.hashes) {
            out += fmt::format("-sha{}", crypto::hash_size(hash) * 8);
        }
    }
    return out;
}

bool allow(const SignatureRules& rules, const crypto::PublicKey& key) {
    return rules.empty() ||
           std::ranges::any_of(rules, [&](const SignatureRule& rule) { return fits(rule, key); });
}

bool allow(const SignatureRules& rules, const crypto::PublicKey& key,
           const crypto::SignatureScheme& scheme) {
    // EdDSA hashes by itself: a hash that is asked for says nothing about it.
    const bool hashes = scheme.key == crypto::KeyType::rsa || scheme.key == crypto::KeyType::ecdsa;
    return rules.empty() || std::ranges::any_of(rules, [&](const SignatureRule& rule) {
               return fits(rule, key) &&
                      (!rule.pss_only || scheme.key != crypto::KeyType::rsa || scheme.pss) &&
                      (rule.hashes.empty() || !hashes ||
                       std::ranges::find(rule.hashes, scheme.hash) != rule.hashes.end());
           });
}

bool certifies(const x509::Certificate& certificate, const Identity& identity) {
    if (identity.type == IdType::key_id) {
        return certificate.public_key().spki_hash() == identity.data;
    }
    if (identity.type == IdType::der_asn1_dn &&
        same_subject(certificate.subject_der(), identity.data)) {
        return true;
    }
    return std::ranges::any_of(
        certificate.alternative_names(),
        [&](const x509::SubjectAltName& name) { return is(name, identity); });
}

Identity subject_of(const x509::Certificate& certificate) {
    return {IdType::der_asn1_dn, certificate.subject_der()};
}

std::string names_of(const x509::Certificate& certificate) {
    std::string out = fmt::format("\"{}\"", subject_of(certificate).to_string());
    for (const x509::SubjectAltName& name : certificate.alternative_names()) {
        out += ", " + identity_of(name).to_string();
    }
    return out;
}

}  // namespace culvert::ike
