// load-conn, load-shared and the like; reloading.

#include <algorithm>
#include <cctype>
#include <string>

#include <fmt/format.h>

#include "config/config.hpp"
#include "daemon/commands.hpp"

namespace culvert::daemon {
namespace {

Error nothing_named(std::string_view command, std::string_view key) {
    return {.code = ErrorCode::malformed,
            .wanted = fmt::format("{} with {}", command, key),
            .received = "a message without it"};
}

Error not_loaded(std::string_view what, std::string_view name) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the {} {}", what, printable(name)),
            .received = "nothing of this name is loaded"};
}

vici::List names_of(const std::vector<config::Changes::Child>& children) {
    vici::List out;
    for (const config::Changes::Child& child : children) {
        out.push_back(fmt::format("{}/{}", child.connection, child.child));
    }
    return out;
}

vici::Message message_of(const config::Changes& changes) {
    vici::Message out;
    out.set("success", "yes");
    out.set("added", changes.added).set("removed", changes.removed);
    out.set("changed", changes.changed);
    out.set("children-added", names_of(changes.children_added));
    out.set("children-removed", names_of(changes.children_removed));
    out.set("children-changed", names_of(changes.children_changed));
    vici::Section keywords;
    for (const auto& [name, words] : changes.keywords) { keywords.set(name, words); }
    out.set("keywords", std::move(keywords));
    out.set("order", changes.order ? "yes" : "no");
    out.set("pools", changes.pools ? "yes" : "no");
    out.set("secrets", changes.secrets ? "yes" : "no");
    out.set("credentials", changes.credentials ? "yes" : "no");
    out.set("settings", changes.settings ? "yes" : "no");
    return out;
}

}  // namespace

void Commands::load_conn(ClientId client, const vici::Message& message) {
    std::string warnings;
    for (const vici::Entry& entry : message.entries) {
        const auto* section = std::get_if<vici::Section>(&entry.element);
        if (section == nullptr) { continue; }
        config::LoadedConnection loaded = config::load_connection(entry.key, *section);
        for (const config::Problem& problem : loaded.problems) {
            if (problem.severity == config::Problem::Severity::error) { continue; }
            parts_.log.warn(LogGroup::config, printable(problem.to_string(), 4096));
        }
        if (!loaded.ok()) {
            const Error why = config::as_error(loaded.problems);
            parts_.log.error(LogGroup::config,
                             fmt::format("connection {} was not loaded: {}", printable(entry.key),
                                         printable(explain(why), 4096)));
            parts_.server.respond(client, vici::failure(why));
            return;
        }
        parts_.gateway.store().put(std::move(loaded.connection));
        parts_.gateway.apply_added();
        parts_.log.info(LogGroup::config,
                        fmt::format("connection {} was loaded by VICI", printable(entry.key)));
    }
    parts_.server.respond(client, vici::success());
}

void Commands::unload_conn(ClientId client, const vici::Message& message) {
    const std::string* name = message.value("name");
    if (name == nullptr) {
        parts_.server.respond(client, vici::failure(nothing_named("unload-conn", "name")));
        return;
    }
    if (!parts_.gateway.store().remove(*name)) {
        parts_.server.respond(client, vici::failure(not_loaded("connection", *name)));
        return;
    }
    parts_.gateway.apply_soon();
    parts_.log.info(LogGroup::config,
                    fmt::format("connection {} was unloaded by VICI", printable(*name)));
    parts_.server.respond(client, vici::success());
}

void Commands::get_conns(ClientId client, const vici::Message&) {
    parts_.server.respond(client,
                          vici::Message{}.set("conns", parts_.gateway.store().connection_names()));
}

void Commands::load_shared(ClientId client, const vici::Message& message) {
    config::LoadedSecret loaded = config::load_shared(message);
    for (const config::Problem& problem : loaded.problems) {
        parts_.log.warn(LogGroup::config, printable(problem.to_string(), 4096));
    }
    if (!loaded.ok()) {
        parts_.server.respond(client, vici::failure(config::as_error(loaded.problems)));
        return;
    }
    if (loaded.secret) {
        parts_.gateway.store().put(*std::move(loaded.secret));
        parts_.gateway.apply_added();
    }
    parts_.server.respond(client, vici::success());
}

void Commands::unload_shared(ClientId client, const vici::Message& message) {
    const std::string* id = message.value("id");
    if (id == nullptr) {
        parts_.server.respond(client, vici::failure(nothing_named("unload-shared", "id")));
        return;
    }
    if (!parts_.gateway.store().remove_secret(*id)) {
        parts_.server.respond(client, vici::failure(not_loaded("secret", *id)));
        return;
    }
    parts_.gateway.apply_soon();
    parts_.server.respond(client, vici::success());
}

void Commands::get_shared(ClientId client, const vici::Message&) {
    parts_.server.respond(client,
                          vici::Message{}.set("keys", parts_.gateway.store().secret_names()));
}

void Commands::clear_creds(ClientId client, const vici::Message&) {
    parts_.gateway.store().clear_secrets();
    parts_.gateway.store().credentials().clear();
    parts_.gateway.apply_soon();
    parts_.server.respond(client, vici::success());
}

void Commands::reload_settings(ClientId client, const vici::Message&) {
    const Status done = parts_.reload_settings();
    parts_.server.respond(client, done ? vici::success() : vici::failure(done.error()));
}

void Commands::culvert_reload(ClientId client, const vici::Message&) {
    // Read once: to look at a token twice takes two tries at its PIN.
    const ike::ConfigSnapshot before = parts_.gateway.snapshot();
    const Status done = parts_.reload();
    if (!done) { return refuse(client, done.error()); }
    parts_.server.respond(client, message_of(config::compare(*before, parts_.gateway.config())));
}

void Commands::culvert_diff(ClientId client, const vici::Message&) {
    const auto changes = parts_.preview();
    parts_.server.respond(client, changes ? message_of(*changes) : vici::failure(changes.error()));
}

// What was fetched is all there is to flush: lists and OCSP answers, which are kept together.
void Commands::flush_certs(ClientId client, const vici::Message& message) {
    std::string type = message.value_or("type", "ANY");
    std::ranges::transform(type, type.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    if (type == "ANY" || type == "X509_CRL" || type == "OCSP_RESPONSE") { parts_.flush_fetched(); }
    parts_.server.respond(client, vici::success());
}

}  // namespace culvert::daemon
