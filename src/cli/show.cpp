// status, stats, leases, certs, version: what can be looked at.

#include <utility>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/render_lists.hpp"
#include "cli/status_screen.hpp"
#include "cli/target.hpp"

namespace culvert::cli {
namespace {

#ifdef CULVERT_VERSION
constexpr std::string_view own_version = CULVERT_VERSION;
#else
constexpr std::string_view own_version = "0";
#endif

Exit show(const Context& context, std::string_view word, const Result<vici::Message>& answer,
          std::string (*render)(const vici::Message&)) {
    if (!answer) { return fail(context, word, answer.error()); }
    if (context.json) {
        print_json(context, *answer);
    } else {
        context.output.out(render(*answer));
    }
    return Exit::ok;
}

// What concerns one connection.
void keep_only(vici::Message& daemon, Messages& connections, const std::string& name) {
    std::erase_if(connections,
                  [&](const vici::Message& one) { return one.section(name) == nullptr; });
    for (vici::Entry& entry : daemon.entries) {
        auto* const section = std::get_if<vici::Section>(&entry.element);
        if (entry.key != "failures" || section == nullptr) { continue; }
        std::erase_if(section->entries, [&](const vici::Entry& one) {
            const auto* const failure = std::get_if<vici::Section>(&one.element);
            return failure == nullptr || failure->value_or("connection", "") != name;
        });
    }
}

}  // namespace

Exit status(const Context& context, const StatusWishes& wishes) {
    return with_daemon(context, "status", [&](vici::Client& client) {
        auto daemon = ask(client, "culvert-status");
        if (!daemon) { return fail(context, "status", daemon.error()); }
        auto connections = listed(client, "list-conns", "list-conn");
        if (!connections) { return fail(context, "status", connections.error()); }
        vici::Message filter;
        if (!wishes.name.empty()) {
            const auto target = target_of(*connections, wishes.name);
            if (!target) { return fail(context, "status", target.error()); }
            keep_only(*daemon, *connections, target->ike);
            filter.set("ike", target->ike);
        }
        auto sas = listed(client, "list-sas", "list-sa", filter);
        if (!sas) { return fail(context, "status", sas.error()); }
        if (!context.json) {
            context.output.out(render_status({.daemon = std::move(*daemon),
                                              .connections = std::move(*connections),
                                              .sas = std::move(*sas),
                                              .all = wishes.all || !wishes.name.empty()},
                                             Style{context.terminal}));
            return Exit::ok;
        }
        daemon->set("connections", merged(*std::move(connections)))
            .set("sas", numbered(*std::move(sas)));
        print_json(context, *daemon);
        return Exit::ok;
    });
}

Exit stats(const Context& context) {
    return with_daemon(context, "stats", [&](vici::Client& client) {
        auto answer = ask(client, "stats");
        if (!answer) { return fail(context, "stats", answer.error()); }
        auto counters = ask(client, "get-counters");
        if (!counters) { return fail(context, "stats", counters.error()); }
        if (const vici::Section* all = counters->section("counters")) {
            if (const vici::Section* global = all->section("")) {
                answer->set("counters", *global);
            }
        }
        return show(context, "stats", answer, render_stats);
    });
}

Exit leases(const Context& context) {
    return with_daemon(context, "leases", [&](vici::Client& client) {
        return show(context, "leases",
                    ask(client, "get-pools", vici::Message{}.set("leases", "yes")), render_leases);
    });
}

Exit certs(const Context& context) {
    return with_daemon(context, "certs", [&](vici::Client& client) {
        auto all = listed(client, "list-certs", "list-cert");
        if (!all) { return fail(context, "certs", all.error()); }
        // The DER is for programs that speak VICI; JSON has no octets.
        for (vici::Message& one : *all) {
            std::erase_if(one.entries,
                          [](const vici::Entry& entry) { return entry.key == "data"; });
        }
        return show(context, "certs",
                    vici::Message{}.set("certificates", numbered(*std::move(all))), render_certs);
    });
}

Exit version(const Context& context) {
    vici::Message out;
    out.set("culvert", own_version);
    Result<vici::Message> daemon = std::unexpected(Error{});
    if (const auto stream = context.open(context.vici)) {
        daemon = vici::Client{**stream}.request("version");
    }
    if (daemon) { out.set("daemon", *daemon); }
    if (context.json) {
        print_json(context, out);
    } else if (daemon) {
        context.output.out(
            fmt::format("culvert {}, {} {}\n", own_version, daemon->value_or("daemon", "?"),
                        daemon->value_or("culvert", daemon->value_or("version", "?"))));
    } else {
        context.output.out(fmt::format("culvert {}, no daemon answers\n", own_version));
    }
    return Exit::ok;
}

}  // namespace culvert::cli
