// log and monitor: what happened, and what happens.

#include <array>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/json.hpp"
#include "cli/render_lists.hpp"
#include "vici/server_session.hpp"

namespace culvert::cli {
namespace {

// What tells of the life of SAs; "log" and the listings' events do not belong here.
constexpr std::array<std::string_view, 7> life_cycle{"ike-updown",     "ike-rekey",   "ike-update",
                                                     "child-updown",   "child-rekey", "alert",
                                                     "culvert-failure"};

bool is_about(const vici::Message& record, const std::string& peer) {
    if (peer.empty()) { return true; }
    for (const std::string_view key : {"ikesa-name", "culvert-remote", "msg"}) {
        if (record.value_or(key, "").find(peer) != std::string::npos) { return true; }
    }
    return false;
}

void print_record(const Context& context, const vici::Message& record, const LogWishes& wishes) {
    if (!is_about(record, wishes.peer)) { return; }
    if (context.json) {
        context.output.out(to_json_line(record) + "\n");
    } else {
        context.output.out(record.value_or("culvert-line", record.value_or("msg", "")) + "\n");
    }
}

// A daemon without such an event tells nothing of it, and everything else goes on.
void listen_for_lost_events(vici::Client& client) {
    static_cast<void>(client.subscribe(vici::events_lost_event));
}

void tell_lost(const Context& context, const vici::Message& message) {
    context.output.err(
        fmt::format("culvert: {} events were lost: they came faster than they were "
                    "read here\n",
                    message.value_or("lost", "some")));
}

}  // namespace

Exit log(const Context& context, const LogWishes& wishes) {
    return with_daemon(context, "log", [&](vici::Client& client) {
        const auto show = [&](const vici::Message& one) { print_record(context, one, wishes); };
        if (!wishes.follow) {
            const auto answer = client.request("culvert-log", {}, "log", show);
            return answer ? Exit::ok : fail(context, "log", answer.error());
        }
        // First the subscription: between the kept records and the new ones none is lost.
        if (const Status done = client.subscribe("log"); !done) {
            return fail(context, "log", done.error());
        }
        listen_for_lost_events(client);
        if (const auto answer = ask(client, "culvert-log"); !answer) {
            return fail(context, "log", answer.error());
        }
        for (;;) {
            const auto event = client.next_event();
            if (!event) { return fail(context, "log", event.error()); }
            if (event->name == vici::events_lost_event) {
                tell_lost(context, event->message);
            } else {
                show(event->message);
            }
        }
    });
}

Exit monitor(const Context& context) {
    return with_daemon(context, "monitor", [&](vici::Client& client) {
        for (const std::string_view event : life_cycle) {
            if (const Status done = client.subscribe(event); !done) {
                return fail(context, "monitor", done.error());
            }
        }
        listen_for_lost_events(client);
        for (;;) {
            const auto event = client.next_event();
            if (!event) { return fail(context, "monitor", event.error()); }
            if (event->name == vici::events_lost_event) {
                tell_lost(context, event->message);
            } else if (context.json) {
                context.output.out(
                    to_json_line(
                        vici::Message{}.set("event", event->name).set("data", event->message)) +
                    "\n");
            } else {
                context.output.out(render_event(event->name, event->message));
            }
        }
    });
}

}  // namespace culvert::cli
