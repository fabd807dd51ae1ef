#include "daemon/commands.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace culvert::daemon {

Commands::Commands(Parts parts) : parts_(std::move(parts)), started_(Loop::now()) {}

const std::map<std::string_view, Commands::Handler>& Commands::handlers() {
    static const std::map<std::string_view, Handler> table{
        {"version", &Commands::version},
        {"stats", &Commands::stats},
        {"reload-settings", &Commands::reload_settings},
        {"initiate", &Commands::initiate},
        {"terminate", &Commands::terminate},
        {"rekey", &Commands::rekey},
        {"redirect", &Commands::redirect},
        {"install", &Commands::install},
        {"uninstall", &Commands::uninstall},
        {"list-sas", &Commands::list_sas},
        {"list-policies", &Commands::list_policies},
        {"list-conns", &Commands::list_conns},
        {"get-conns", &Commands::get_conns},
        {"list-certs", &Commands::list_certs},
        {"list-authorities", &Commands::list_authorities},
        {"get-authorities", &Commands::get_authorities},
        {"load-conn", &Commands::load_conn},
        {"unload-conn", &Commands::unload_conn},
        {"load-cert", &Commands::load_cert},
        {"load-key", &Commands::load_key},
        {"unload-key", &Commands::unload_key},
        {"get-keys", &Commands::get_keys},
        {"load-token", &Commands::load_token},
        {"load-shared", &Commands::load_shared},
        {"unload-shared", &Commands::unload_shared},
        {"get-shared", &Commands::get_shared},
        {"flush-certs", &Commands::flush_certs},
        {"clear-creds", &Commands::clear_creds},
        {"load-authority", &Commands::load_authority},
        {"unload-authority", &Commands::unload_authority},
        {"load-pool", &Commands::load_pool},
        {"unload-pool", &Commands::unload_pool},
        {"get-pools", &Commands::get_pools},
        {"get-algorithms", &Commands::get_algorithms},
        {"get-counters", &Commands::get_counters},
        {"reset-counters", &Commands::reset_counters},
        {"culvert-status", &Commands::culvert_status},
        {"culvert-reload", &Commands::culvert_reload},
        {"culvert-diff", &Commands::culvert_diff},
        {"culvert-log", &Commands::culvert_log},
        {"culvert-log-level", &Commands::culvert_log_level},
    };
    return table;
}

vici::Catalog Commands::catalog() {
    vici::Catalog out;
    for (const auto& [command, handler] : handlers()) { out.commands.emplace(command); }
    out.events = vici::protocol_events();
    out.events.emplace("culvert-failure");
    out.events.emplace(vici::events_lost_event);
    return out;
}

void Commands::run(ClientId client, vici::Request request) {
    parts_.log.debug(LogGroup::vici,
                     fmt::format("client {}: {}", client.value(), printable(request.command)));
    // Loading goes on; everything else sees what was loaded.
    const std::string_view command = request.command;
    if (!command.starts_with("load-") && !command.starts_with("unload-")) {
        parts_.gateway.settle();
    }
    (this->*handlers().at(command))(client, request.message);
}

void Commands::gone(ClientId client) {
    // What it asked for goes on; the answer goes nowhere.
    std::erase_if(running_, [&](const auto& entry) {
        if (entry.second.client != client) { return false; }
        parts_.host.forget(entry.first);
        return true;
    });
}

void Commands::on_event(const ike::Event& event) {
    // An exchange is what strongSwan tells of on level 1.
    const int level = event.kind == ike::EventKind::exchange ? 1 : vici_level(event.severity);
    for (const auto& [id, running] : running_) {
        const bool meant = event.command ? *event.command == id
                                         : running.connections.contains(event.connection) ||
                                               (running.ike_id && event.ike_unique_id != 0 &&
                                                *running.ike_id == event.ike_unique_id);
        if (meant && level <= running.log_level) {
            parts_.server.stream(running.client, "control-log",
                                 control_log_message(to_record(event)));
        }
    }
    if (!event.ike && !event.error && event.alert.empty()) { return; }  // nothing to VICI
    // Most of the time nobody listens, and what they would hear is dear to make.
    constexpr std::array<std::string_view, 7> names{
        "ike-updown",  "ike-rekey",       "ike-update", "child-updown",
        "child-rekey", "culvert-failure", "alert"};
    const bool heard = std::ranges::any_of(
        names, [&](std::string_view name) { return parts_.server.anyone_wants(name); });
    if (!heard) { return; }
    for (const ViciEvent& one : vici_events(event, moment())) {
        parts_.server.raise(one.name, one.message);
    }
}

Moment Commands::moment() {
    return {.now = Loop::now(),
            .counters = [this](ChildSaId id) { return parts_.host.plane().counters(id); }};
}

EngineHost::OnDone Commands::on_done() {
    return [this](const ike::CommandDone& done) { finish(done); };
}

void Commands::finish(const ike::CommandDone& done) {
    auto found = running_.extract(done.id);
    if (found.empty()) { return; }
    parts_.server.respond(found.mapped().client, found.mapped().answer(done));
}

}  // namespace culvert::daemon
