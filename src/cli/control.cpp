// up, down, rekey: what changes SAs.

#include <utility>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/render.hpp"
#include "cli/target.hpp"

namespace culvert::cli {
namespace {

vici::Message request_for(const Context& context, const Target& target) {
    vici::Message out;
    if (!target.ike.empty()) { out.set("ike", target.ike); }
    if (!target.child.empty()) { out.set("child", target.child); }
    out.set("timeout", fmt::format("{}", context.timeout_s * 1000)).set("loglevel", "1");
    return out;
}

// Carries a command out; what the daemon tells meanwhile is shown to whoever watches.
Result<vici::Message> carry_out(const Context& context, vici::Client& client,
                                std::string_view command, const vici::Message& message) {
    const bool shown = context.verbose || (context.terminal && !context.json);
    auto answer = client.request(command, message, "control-log", [&](const vici::Message& line) {
        if (shown) { context.output.err(fmt::format("  {}\n", line.value_or("msg", ""))); }
    });
    if (!answer) { return answer; }
    if (!vici::check(command, *answer)) { return std::unexpected(error_of(*answer)); }
    return answer;
}

using Action = std::function<Exit(vici::Client&, const Messages& connections, const Target&,
                                  const std::string& what)>;

Exit on_target(const Context& context, std::string_view word, std::string_view name,
               const Action& action) {
    const std::string what = fmt::format("{} {}", word, name);
    return with_daemon(context, what, [&](vici::Client& client) {
        const auto connections = listed(client, "list-conns", "list-conn");
        if (!connections) { return fail(context, what, connections.error()); }
        const auto target = target_of(*connections, name);
        if (!target) { return fail(context, what, target.error()); }
        return action(client, *connections, *target, what);
    });
}

Exit bring_up(const Context& context, vici::Client& client, const Target& target,
              const std::string& what) {
    const auto answer = carry_out(context, client, "initiate", request_for(context, target));
    if (!answer) { return fail(context, what, answer.error()); }
    auto sas = listed(client, "list-sas", "list-sa");
    if (!sas) { return fail(context, what, sas.error()); }
    const vici::Message* sa = sa_of(*sas, target.ike, target.child);
    if (context.json) {
        vici::Message out;
        out.set("success", "yes").set("command", what);
        if (sa != nullptr) { out.set("sa", *sa); }
        print_json(context, out);
    } else if (sa == nullptr) {
        context.output.out(fmt::format("{}: done\n", what));
    } else {
        context.output.out(render_up(*sa, target.child.empty() ? target.ike : target.child,
                                     Style{context.terminal}));
    }
    return Exit::ok;
}

// terminate and rekey: both tell how many they found.
Exit change(const Context& context, vici::Client& client, std::string_view command,
            vici::Message message, const std::string& what) {
    const auto answer = carry_out(context, client, command, message);
    if (!answer) { return fail(context, what, answer.error()); }
    if (context.json) {
        vici::Message out;
        out.set("success", "yes").set("command", what);
        out.set("matches", answer->value_or("matches", "0"));
        print_json(context, out);
    } else {
        context.output.out(fmt::format("{}: done, {} SA{}\n", what,
                                       answer->value_or("matches", "?"),
                                       answer->value_or("matches", "") == "1" ? "" : "s"));
    }
    return Exit::ok;
}

}  // namespace

Exit up(const Context& context, std::string_view name) {
    return on_target(context, "up", name,
                     [&](vici::Client& client, const Messages& connections, const Target& target,
                         const std::string& what) {
                         if (!target.child.empty()) {
                             return bring_up(context, client, target, what);
                         }
                         const auto children = children_of(connections, target.ike);
                         if (children.empty()) { return bring_up(context, client, target, what); }
                         // One that fails does not keep the others down.
                         Exit out = Exit::ok;
                         for (const std::string& child : children) {
                             const Exit done = bring_up(
                                 context, client, {.ike = target.ike, .child = child},
                                 children.size() == 1 ? what : fmt::format("{}/{}", what, child));
                             if (done != Exit::ok) { out = done; }
                         }
                         return out;
                     });
}

Exit down(const Context& context, std::string_view name, bool force) {
    return on_target(
        context, "down", name,
        [&](vici::Client& client, const Messages&, const Target& target, const std::string& what) {
            auto message = request_for(context, target);
            if (force) { message.set("force", "yes"); }
            return change(context, client, "terminate", std::move(message), what);
        });
}

Exit rekey(const Context& context, std::string_view name, bool reauth) {
    return on_target(
        context, "rekey", name,
        [&](vici::Client& client, const Messages&, const Target& target, const std::string& what) {
            auto message = request_for(context, target);
            if (reauth) { message.set("reauth", "yes"); }
            return change(context, client, "rekey", std::move(message), what);
        });
}

Exit redirect(const Context& context, std::string_view name, const RedirectWishes& wishes) {
    return on_target(
        context, "redirect", name,
        [&](vici::Client& client, const Messages&, const Target& target, const std::string& what) {
            if (!target.child.empty()) {
                return fail(context, what,
                            Error{.code = ErrorCode::config,
                                  .wanted = "a connection: whole IKE SAs are sent away",
                                  .received = std::string(name),
                                  .remedy = {}});
            }
            auto message = request_for(context, target);
            message.set("gateway", wishes.gateway);
            if (!wishes.peer_ip.empty()) { message.set("peer-ip", wishes.peer_ip); }
            if (!wishes.peer_id.empty()) { message.set("peer-id", wishes.peer_id); }
            return change(context, client, "redirect", std::move(message), what);
        });
}

}  // namespace culvert::cli
