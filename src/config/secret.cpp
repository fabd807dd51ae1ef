// Sections of `secrets`.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/nearest.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"

namespace culvert::config {
namespace {

constexpr std::array<std::string_view, 11> types{
    "ike", "eap", "xauth", "ntlm", "ppk", "private", "rsa", "ecdsa", "pkcs8", "pkcs12", "token"};

std::optional<std::string_view> type_of(std::string_view name) {
    std::optional<std::string_view> found;
    for (const std::string_view type : types) {
        // "pkcs12" is not "pkcs1" with a suffix: the longest word counts.
        if (name.starts_with(type) && (!found || type.size() > found->size())) { found = type; }
    }
    return found;
}

// Whether all are known.
bool check_entries(const Scope& scope, std::string_view type) {
    bool known = true;
    const std::string prefix = fmt::format("{}.", type == "xauth" ? "eap" : type);
    scope.each([&](const Field& field) {
        if (find_keyword(SectionKind::secret, prefix + field.key()) == nullptr) {
            known = false;
            field.error("is not a keyword of this section",
                        type == "ike" ? "a secret has secret and id<suffix>" : "remove it");
        } else {
            field.text();
        }
    });
    return known;
}

bool is_for_a_key(std::string_view type) {
    constexpr std::array<std::string_view, 5> kinds{"private", "rsa", "ecdsa", "pkcs8", "pkcs12"};
    return std::ranges::find(kinds, type) != kinds.end();
}

std::optional<KeyPassphrase> read_passphrase(const Scope& scope, std::string_view type) {
    const auto file = scope.find("file");
    const auto secret = scope.find("secret");
    if (!file || !secret) {
        // swanctl asks for a passphrase that is not there; a daemon cannot.
        scope.warning("is not used: it lacks its file or its secret", "add both");
        return std::nullopt;
    }
    const auto name = file->text();
    auto words = read_secret(*secret);
    if (!name || !words) { return std::nullopt; }
    return KeyPassphrase{.section = std::string{scope.name()},
                         .folder = std::string{type},
                         .file = *name,
                         .secret = *std::move(words)};
}

// The kind of what is neither a passphrase nor a token.
std::optional<ike::SecretKind> kind_of(std::string_view type) {
    if (type == "ike") { return ike::SecretKind::psk; }
    if (type == "ppk") { return ike::SecretKind::ppk; }
    if (type == "eap" || type == "xauth") { return ike::SecretKind::eap; }
    if (type == "ntlm") { return ike::SecretKind::nt_hash; }
    return std::nullopt;
}

constexpr std::size_t nt_hash_size = 16;
constexpr std::string_view no_nt_hash = "is no NT hash, which has 16 octets";
constexpr std::string_view nt_hash_remedy =
    "give MD4(UTF-16LE(password)) as 0x hex or 0s base64, or the password itself in secrets.eap";

std::string lower(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') { c = static_cast<char>(c - 'A' + 'a'); }
    }
    return text;
}

}  // namespace

std::optional<ike::SharedSecret> read_secret_section(const Scope& scope,
                                                     std::vector<KeyPassphrase>& passphrases,
                                                     std::vector<TokenKey>& tokens) {
    const auto type = type_of(scope.name());
    if (!type) {
        scope.error("is not a kind of secret",
                    "begin its name with ike, as in ike-moon, for a pre-shared key");
        return std::nullopt;
    }
    const bool all_known = check_entries(scope, *type);
    if (is_for_a_key(*type)) {
        if (auto words = read_passphrase(scope, *type)) {
            passphrases.push_back(*std::move(words));
        }
        return std::nullopt;
    }
    if (*type == "token") {
        if (auto token = read_token(scope)) { tokens.push_back(*std::move(token)); }
        return std::nullopt;
    }
    const auto kind = kind_of(*type);
    if (!kind) { return std::nullopt; }
    const auto field = scope.find("secret");
    if (!field) {
        // A word that is not known may have been meant for it.
        if (all_known) { scope.error("has no secret", "add secret = ..."); }
        return std::nullopt;
    }
    auto secret = read_secret(*field);
    ike::SharedSecret out{.name = std::string{scope.name()}, .kind = *kind};
    bool complete = secret.has_value();
    scope.each([&](const Field& entry) {
        if (!entry.key().starts_with("id")) { return; }
        auto id = read_identity_pattern(entry);
        if (id) {
            out.owners.push_back(*std::move(id));
        } else {
            complete = false;  // a secret with fewer owners might be everybody's
        }
    });
    if (!complete) { return std::nullopt; }
    if (kind == ike::SecretKind::nt_hash && secret->size() != nt_hash_size) {
        field->error(std::string{no_nt_hash}, std::string{nt_hash_remedy});
        return std::nullopt;
    }
    constexpr std::size_t octets_min = 8;
    if (kind == ike::SecretKind::psk && secret->size() < octets_min) {
        field->warning(fmt::format("is shorter than {} octets: whoever records a handshake as the "
                                   "peer can guess it (RFC 7296 2.15)",
                                   octets_min),
                       "use 32 random octets, as from `openssl rand -base64 32`, behind 0s");
    }
    out.secret = *std::move(secret);
    return out;
}

LoadedSecret load_shared(const vici::Message& message) {
    LoadedSecret out;
    Report report;
    const Scope scope{message, nullptr, "", report};
    ike::SharedSecret secret{.name = message.value_or("id", "")};
    // swanctl sends the word of its section: "ike".
    const std::string type = message.value_or("type", "");
    const std::string* data = message.value("data");
    bool complete = true;
    scope.each([&](const Field& field) {
        if (field.key() == "owners") {
            for (const std::string& owner : field.list().value_or(vici::List{})) {
                if (auto id = ike::Identity::parse_pattern(owner)) {
                    secret.owners.push_back(*std::move(id));
                } else {
                    field.error(fmt::format("\"{}\" is not an identity: {}", printable(owner, 80),
                                            id.error().received),
                                id.error().remedy);
                    complete = false;
                }
            }
        } else if (field.key() != "id" && field.key() != "type" && field.key() != "data") {
            field.error("is not a key of load-shared", "");
        }
    });
    const auto kind = kind_of(lower(type));
    if (!kind) {
        scope.error(fmt::format("type \"{}\" is not a kind of secret", printable(type, 80)),
                    "use IKE for a pre-shared key, EAP for a password");
    } else if (data == nullptr || data->empty()) {
        scope.error("data is missing or empty", "give the secret in data");
    } else if (data->size() > secret_size_max) {
        scope.error(fmt::format("data is longer than {} octets", secret_size_max),
                    "use a shorter one");
    } else if (kind == ike::SecretKind::nt_hash && data->size() != nt_hash_size) {
        scope.error("data " + std::string{no_nt_hash}, std::string{nt_hash_remedy});
    } else if (complete) {
        secret.kind = *kind;
        secret.secret = Secret::copy_of(as_bytes(*data));
        out.secret = std::move(secret);
    }
    out.problems = report.take();
    return out;
}

}  // namespace culvert::config
