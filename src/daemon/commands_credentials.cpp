// load-cert, load-key, load-authority and what goes with them; list-certs.

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>

#include <fmt/format.h>

#include "config/config.hpp"
#include "daemon/certificate_messages.hpp"
#include "daemon/commands.hpp"

namespace culvert::daemon {
namespace {

using vici::Message;

Error lacks(std::string_view command, std::string_view key) {
    return {.code = ErrorCode::malformed,
            .wanted = fmt::format("{} with {}", command, key),
            .received = "a message without it"};
}

Error no_such(std::string_view what, std::string_view name) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the {} {}", what, printable(name)),
            .received = "nothing of this name was loaded by VICI"};
}

Error bad_word(std::string_view key, std::string_view word, std::string_view words) {
    return {.code = ErrorCode::unsupported,
            .wanted = fmt::format("a {}: {}", key, words),
            .received = printable(word, 80)};
}

Error no_attribute_authorities() {
    return {.code = ErrorCode::not_built,
            .wanted = "a certificate of a peer, an authority or an OCSP responder",
            .received = "one of an attribute authority",
            .remedy = "leave it out: attribute certificates are not built"};
}

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

x509::Time today() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

void Commands::load_cert(ClientId client, const Message& message) {
    const auto refuse = [&](const Error& why) {
        parts_.log.error(LogGroup::config,
                         "a certificate was not loaded: " + printable(explain(why), 4096));
        parts_.server.respond(client, vici::failure(why));
    };
    const std::string* data = message.value("data");
    if (data == nullptr) { return refuse(lacks("load-cert", "data")); }
    const std::string type = lower(message.value_or("type", "x509"));
    const std::string flag = lower(message.value_or("flag", "none"));
    CredentialStore& store = parts_.gateway.store().credentials();
    if (type == "x509_crl") {
        auto crl = x509::Crl::parse(as_bytes(*data));
        if (!crl) { return refuse(crl.error()); }
        store.put(*std::move(crl));
    } else if (type == "x509") {
        constexpr std::array<std::string_view, 4> flags{"none", "ca", "aa", "ocsp"};
        if (std::ranges::find(flags, flag) == flags.end()) {
            return refuse(bad_word("flag", flag, "NONE, CA, AA or OCSP"));
        }
        auto certificate = x509::Certificate::parse(as_bytes(*data));
        if (!certificate) { return refuse(certificate.error()); }
        if (flag == "aa") { return refuse(no_attribute_authorities()); }
        // swanctl sends what is in a PKCS#12 container without a flag, and so what is in x509: only
        // a root is trusted that way, one in between needs a root.
        const bool authority = flag == "ca" || (flag == "none" && x509::is_root(*certificate));
        store.put(*std::move(certificate), authority        ? CertificateUse::authority
                                           : flag == "ocsp" ? CertificateUse::ocsp_responder
                                                            : CertificateUse::end_entity);
    } else if (type == "pubkey") {
        // swanctl sends all that is in its folder of public keys, although what counts is what a
        // connection names, and that comes with the connection.
        auto key = crypto::PublicKey::parse_file(as_bytes(*data));
        if (!key) { return refuse(key.error()); }
        parts_.log.info(LogGroup::config,
                        fmt::format("the public key {} ({}) was loaded by VICI; it counts for the "
                                    "connections that name it in pubkeys",
                                    id_of(*key), key->to_string()));
    } else {
        return refuse(bad_word("type", type,
                               "X509, X509_CRL or PUBKEY; attribute certificates are not "
                               "built yet"));
    }
    parts_.gateway.apply_soon();
    parts_.server.respond(client, vici::success());
}

void Commands::load_key(ClientId client, const Message& message) {
    const std::string* data = message.value("data");
    if (data == nullptr) {
        return parts_.server.respond(client, vici::failure(lacks("load-key", "data")));
    }
    auto key = crypto::PrivateKey::parse(as_bytes(*data));
    if (!key) {
        parts_.log.error(LogGroup::config,
                         "a private key was not loaded: " + printable(explain(key.error()), 4096));
        return parts_.server.respond(client, vici::failure(key.error()));
    }
    const std::string what = key->public_key().to_string();
    const std::string id = parts_.gateway.store().credentials().put(*std::move(key));
    parts_.gateway.apply_soon();
    parts_.log.info(LogGroup::config,
                    fmt::format("the private key {} ({}) was loaded by VICI", id, what));
    parts_.server.respond(client, vici::success().set("id", id));
}

void Commands::load_token(ClientId client, const Message& message) {
    const auto refuse = [&](const Error& error) {
        parts_.log.error(LogGroup::config,
                         "a token was not opened: " + printable(explain(error), 4096));
        parts_.server.respond(client, vici::failure(error));
    };
    const auto token = config::load_token(message);
    if (!token) { return refuse(token.error()); }
    auto opened = config::open_token(*token, parts_.token_settings());
    if (!opened) { return refuse(opened.error()); }
    const std::string what = opened->key.public_key().to_string();
    CredentialStore& store = parts_.gateway.store().credentials();
    if (opened->certificate) { store.put(*std::move(opened->certificate)); }
    const std::string id = store.put(std::move(opened->key));
    parts_.gateway.apply_soon();
    parts_.log.info(LogGroup::config,
                    fmt::format("the private key {} ({}) on a token is in use", id, what));
    parts_.server.respond(client, vici::success().set("id", id));
}

void Commands::unload_key(ClientId client, const Message& message) {
    const std::string* id = message.value("id");
    if (id == nullptr) {
        return parts_.server.respond(client, vici::failure(lacks("unload-key", "id")));
    }
    if (!parts_.gateway.store().credentials().remove_key(lower(*id))) {
        return parts_.server.respond(client, vici::failure(no_such("private key", *id)));
    }
    parts_.gateway.apply_soon();
    parts_.server.respond(client, vici::success());
}

void Commands::get_keys(ClientId client, const Message&) {
    parts_.server.respond(client,
                          Message{}.set("keys", parts_.gateway.store().credentials().key_ids()));
}

void Commands::load_authority(ClientId client, const Message& message) {
    for (const vici::Entry& entry : message.entries) {
        const auto* section = std::get_if<vici::Section>(&entry.element);
        if (section == nullptr) { continue; }
        config::LoadedAuthority loaded = config::load_authority(entry.key, *section);
        for (const config::Problem& problem : loaded.problems) {
            parts_.log.warn(LogGroup::config, printable(problem.to_string(), 4096));
        }
        if (!loaded.ok() || !loaded.authority) {
            return parts_.server.respond(client, vici::failure(config::as_error(loaded.problems)));
        }
        parts_.gateway.store().credentials().put(*std::move(loaded.authority));
        for (x509::Crl& list : loaded.lists) {
            parts_.gateway.store().credentials().put(std::move(list));
        }
        parts_.gateway.apply_soon();
    }
    parts_.server.respond(client, vici::success());
}

void Commands::unload_authority(ClientId client, const Message& message) {
    const std::string* name = message.value("name");
    if (name == nullptr) {
        return parts_.server.respond(client, vici::failure(lacks("unload-authority", "name")));
    }
    if (!parts_.gateway.store().credentials().remove_authority(*name)) {
        return parts_.server.respond(client, vici::failure(no_such("authority", *name)));
    }
    parts_.gateway.apply_soon();
    parts_.server.respond(client, vici::success());
}

void Commands::get_authorities(ClientId client, const Message&) {
    parts_.server.respond(
        client,
        Message{}.set("authorities", parts_.gateway.store().credentials().authority_names()));
}

void Commands::list_certs(ClientId client, const Message& message) {
    const CertificateFilter filter{.type = lower(message.value_or("type", "any")),
                                   .flag = lower(message.value_or("flag", "any")),
                                   .subject = message.value_or("subject", "")};
    auto all = list_cert_messages(*parts_.gateway.store().credentials().all(), filter, today());
    parts_.server.stream_all(
        client, "list-cert",
        [all = std::move(all), at = std::size_t{0}]() mutable -> std::optional<Message> {
            if (at == all.size()) { return std::nullopt; }
            return std::move(all[at++]);
        });
}

void Commands::list_authorities(ClientId client, const Message& message) {
    std::vector<Message> all;
    const std::string* wanted = message.value("name");
    for (const ike::AuthorityInfo& info : parts_.gateway.store().credentials().all()->infos) {
        if (wanted != nullptr && *wanted != info.name) { continue; }
        vici::Section section;
        section.set("cacert", ike::subject_of(info.certificate).to_string());
        section.set("crl_uris", vici::List{info.crl_urls});
        section.set("ocsp_uris", vici::List{info.ocsp_urls});
        if (!info.certificate_url_base.empty()) {
            section.set("cert_uri_base", info.certificate_url_base);
        }
        all.push_back(Message{}.set(info.name, std::move(section)));
    }
    parts_.server.stream_all(
        client, "list-authority",
        [all = std::move(all), at = std::size_t{0}]() mutable -> std::optional<Message> {
            if (at == all.size()) { return std::nullopt; }
            return std::move(all[at++]);
        });
}

}  // namespace culvert::daemon
