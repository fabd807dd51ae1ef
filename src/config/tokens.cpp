// secrets.token<suffix>, and VICI's load-token: keys that stay where they are.

#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/config.hpp"
#include "config/sections.hpp"
#include "config/values.hpp"
#include "crypto/token.hpp"

namespace culvert::config {
namespace {

// Knows every module that is installed on the system.
constexpr std::string_view module_of_system = "p11-kit-proxy.so";

std::optional<std::string> handle_of(std::string_view text) {
    std::string out{text};
    for (char& c : out) {
        if (c >= 'A' && c <= 'F') { c = static_cast<char>(c - 'A' + 'a'); }
    }
    const bool hex = std::ranges::all_of(
        out, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
    if (out.empty() || out.size() % 2 != 0 || !hex) { return std::nullopt; }
    return out;
}

Error no_such_module(const std::string& name) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the PKCS#11 module {}", printable(name, 80)),
            .received = "no module of that name",
            .remedy = "add charon.plugins.pkcs11.modules.<name>.path to strongswan.conf"};
}

Error no_such_handle(std::string_view text) {
    return {.code = ErrorCode::malformed,
            .wanted = "the id of an object in hex (CKA_ID), as in 0a01",
            .received = printable(text, 80)};
}

std::optional<std::string> path_of(const TokenKey& token, const DaemonSettings& settings) {
    if (token.module.empty()) { return std::string{module_of_system}; }
    if (token.module.starts_with('/')) { return token.module; }
    const auto found = settings.token_modules.find(token.module);
    if (found == settings.token_modules.end()) { return std::nullopt; }
    return found->second;
}

}  // namespace

std::optional<std::string> read_handle(const Field& field) {
    const std::string text = field.text().value_or("");
    auto handle = handle_of(text);
    if (!handle) {
        field.error("is not the id of an object in hex", "write it as in handle = 0a01");
    }
    return handle;
}

std::optional<TokenKey> read_token(const Scope& scope) {
    TokenKey out{.section = std::string{scope.name()}, .place = scope.place()};
    bool good = true;
    if (const auto field = scope.find("handle")) {
        const auto handle = read_handle(*field);
        good = handle.has_value();
        out.handle = handle.value_or("");
    } else {
        scope.error("has no handle", "add handle = ID (CKA_ID, hex)");
        good = false;
    }
    if (const auto field = scope.find("slot")) {
        const auto slot = read_number(*field, 0, UINT32_MAX);
        good = good && slot.has_value();
        if (slot) { out.slot = static_cast<std::uint32_t>(*slot); }
    }
    if (const auto field = scope.find("module")) { out.module = field->text().value_or(""); }
    if (const auto field = scope.find("pin")) {
        out.pin = Secret::copy_of(as_bytes(field->text().value_or("")));
    }
    return good ? std::optional{std::move(out)} : std::nullopt;
}

Result<TokenKey> load_token(const vici::Message& message) {
    TokenKey out{.section = "load-token", .module = message.value_or("module", "")};
    const std::string text = message.value_or("handle", "");
    auto handle = handle_of(text);
    if (!handle) { return std::unexpected(no_such_handle(text)); }
    out.handle = *std::move(handle);
    if (const std::string* slot = message.value("slot")) {
        std::uint32_t number = 0;
        const char* const end = slot->data() + slot->size();
        const auto [at, error] = std::from_chars(slot->data(), end, number);
        if (error != std::errc{} || at != end) {
            return std::unexpected(Error{.code = ErrorCode::malformed,
                                         .wanted = "the number of a slot",
                                         .received = printable(*slot, 80)});
        }
        out.slot = number;
    }
    out.pin = Secret::copy_of(as_bytes(message.value_or("pin", "")));
    return out;
}

Result<OpenedToken> open_token(const TokenKey& token, const DaemonSettings& settings) {
    const auto path = path_of(token, settings);
    if (!path) { return std::unexpected(no_such_module(token.module)); }
    const crypto::TokenObject object{.module = *path, .slot = token.slot, .id = token.handle};
    auto key = crypto::load_token_key(object, token.pin);
    if (!key) { return std::unexpected(std::move(key).error()); }
    OpenedToken out{.key = std::move(*key), .certificate = {}};
    if (const auto der = crypto::load_token_certificate(object, token.pin)) {
        if (auto certificate = x509::Certificate::parse(*der)) {
            out.certificate = ike::TokenCertificate{.handle = token.handle,
                                                    .certificate = std::move(*certificate)};
        }
    }
    return out;
}

Problems lost_credentials(const std::set<std::string>& usable_before, const Problems& problems) {
    Problems out;
    for (const Problem& problem : problems) {
        if (problem.unusable.empty()) { continue; }
        const auto meant = [&](const std::string& name) {
            return name == problem.unusable || name.starts_with(problem.unusable + "/");
        };
        if (std::ranges::none_of(usable_before, meant)) { continue; }
        out.push_back(problem);
        out.back().severity = Problem::Severity::error;
        out.back().what += "; it could be used when the configuration was loaded last";
    }
    return out;
}

void open_tokens(Loaded& loaded) {
    if (loaded.tokens.empty()) { return; }
    ike::CredentialSet set;
    if (loaded.config.credentials != nullptr) { set = *loaded.config.credentials; }
    for (const TokenKey& token : loaded.tokens) {
        auto opened = open_token(token, loaded.daemon);
        if (!opened) {
            const Error& error = opened.error();
            loaded.problems.push_back({.severity = Problem::Severity::warning,
                                       .place = token.place,
                                       .path = "secrets." + token.section,
                                       .what = fmt::format("no key: we wanted {}; there is {}",
                                                           error.wanted, error.received),
                                       .remedy = error.remedy,
                                       .unusable = "secrets." + token.section});
            continue;
        }
        loaded.usable.insert("secrets." + token.section);
        set.keys.push_back(std::make_shared<const crypto::PrivateKey>(std::move(opened->key)));
        if (opened->certificate) {
            set.certificates.push_back(opened->certificate->certificate);
            set.on_tokens.push_back(*std::move(opened->certificate));
        }
    }
    loaded.tokens.clear();
    loaded.config.credentials = std::make_shared<const ike::CredentialSet>(std::move(set));
}

}  // namespace culvert::config
