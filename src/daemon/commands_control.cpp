// initiate, terminate, rekey, install, uninstall.

#include <algorithm>

#include <fmt/format.h>

#include "daemon/commands.hpp"
#include "daemon/requests.hpp"

namespace culvert::daemon {
namespace {

Error missing_name(std::string_view command, std::string_view keys) {
    return {.code = ErrorCode::malformed,
            .wanted = fmt::format("{} with {}", command, keys),
            .received = "none of them"};
}

Error not_in_time(std::string_view what, std::int64_t timeout_ms) {
    return {.code = ErrorCode::timed_out,
            .wanted = fmt::format("{} within {} ms", what, timeout_ms),
            .received = "no end yet; it goes on",
            .remedy = "see how it stands with culvert status, or allow more time"};
}

vici::Message with_matches(const ike::CommandDone& done, std::string_view count_key) {
    vici::Message out = done.status ? vici::success() : vici::failure(done.status.error());
    out.set("matches", fmt::format("{}", done.matched));
    if (!count_key.empty()) {
        out.set(count_key, fmt::format("{}", done.status ? done.matched : 0));
    }
    return out;
}

// Beyond ten years a wait has no end.
constexpr std::int64_t timeout_ms_max = std::int64_t{10} * 365 * 86400 * 1000;

}  // namespace

// `timeout` in milliseconds: 0 waits for the end, -1 not at all (strongSwan's VICI).
Result<Commands::Wait> Commands::wait_of(const vici::Message& message) {
    const auto timeout = read_integer(message, "timeout", 0, -1, timeout_ms_max);
    if (!timeout) { return std::unexpected(timeout.error()); }
    const auto level = read_integer(message, "loglevel", 1, -1, 4);
    if (!level) { return std::unexpected(level.error()); }
    return Wait{.timeout_ms = *timeout, .log_level = static_cast<int>(*level)};
}

void Commands::refuse(ClientId client, const Error& why) {
    parts_.server.respond(client, vici::failure(why));
}

void Commands::remember(ike::CommandId id, ClientId client, const vici::Message& message,
                        const Wait& wait, Answer answer) {
    if (wait.timeout_ms < 0) {
        parts_.host.forget(id);
        parts_.server.respond(client, vici::success());
        return;
    }
    Running& running = running_[id];
    running.client = client;
    running.log_level = wait.log_level;
    running.connections = connections_meant(message);
    if (const auto selector = read_selector(message)) { running.ike_id = selector->ike_id; }
    running.answer = std::move(answer);
    if (wait.timeout_ms == 0) { return; }
    const std::int64_t timeout = wait.timeout_ms;
    running.timeout = std::make_unique<Timer>(parts_.loop, [this, id, timeout] {
        // Later: a timer must not end inside its own task.
        parts_.loop.post([this, id, timeout] {
            parts_.host.forget(id);
            finish({id, std::unexpected(not_in_time("an end", timeout))});
        });
    });
    running.timeout->set_in(std::chrono::milliseconds{timeout});
}

// The connection that is named, or all that have the child.
std::set<std::string> Commands::connections_meant(const vici::Message& message) const {
    if (const std::string* ike = message.value("ike")) { return {*ike}; }
    std::set<std::string> out;
    const std::string* child = message.value("child");
    if (child == nullptr) { return out; }
    for (const ike::Connection& connection : parts_.gateway.config().connections) {
        if (std::ranges::find(connection.children, *child, &ike::ChildConfig::name) !=
            connection.children.end()) {
            out.insert(connection.name);
        }
    }
    return out;
}

void Commands::initiate(ClientId client, const vici::Message& message) {
    const std::string ike = message.value_or("ike", "");
    const std::string child = message.value_or("child", "");
    if (ike.empty() && child.empty()) {
        parts_.server.respond(client, vici::failure(missing_name("initiate", "child or ike")));
        return;
    }
    const auto wait = wait_of(message);
    if (!wait) {
        refuse(client, wait.error());
        return;
    }
    parts_.keeper.release(ike, child);
    const ike::CommandId id = parts_.gateway.initiate(ike, child, on_done());
    remember(id, client, message, *wait, [](const ike::CommandDone& done) {
        return done.status ? vici::success() : vici::failure(done.status.error());
    });
}

void Commands::terminate(ClientId client, const vici::Message& message) {
    auto selector = read_selector(message);
    const auto force = read_switch(message, "force");
    const auto wait = wait_of(message);
    if (!selector || !force || !wait) {
        refuse(client, !selector ? selector.error() : !force ? force.error() : wait.error());
        return;
    }
    if (selector->none()) {
        refuse(client, missing_name("terminate", "ike, child, ike-id or child-id"));
        return;
    }
    const ike::CommandId id = parts_.host.new_command(on_done());
    ike::Terminate command{.id = id,
                           .ike = std::move(selector->ike),
                           .child = std::move(selector->child),
                           .ike_id = selector->ike_id,
                           .child_id = selector->child_id,
                           .force = *force};
    keep_up_no_more(command);
    remember(id, client, message, *wait,
             [](const ike::CommandDone& done) { return with_matches(done, "terminated"); });
    parts_.host.handle(std::move(command));
}

// Whoever ends an SA does not want it back.
void Commands::keep_up_no_more(const ike::Terminate& command) {
    if (!command.ike.empty() || !command.child.empty()) {
        parts_.keeper.hold(command.ike, command.child);
    }
    if (!command.ike_id && !command.child_id) { return; }
    for (const ike::IkeSaStatus& sa : parts_.host.engines().status(Loop::now())) {
        if (command.ike_id == sa.unique_id) { parts_.keeper.hold(sa.connection, {}); }
        for (const ike::ChildSaStatus& child : sa.children) {
            if (command.child_id == child.unique_id) {
                parts_.keeper.hold(sa.connection, child.name);
            }
        }
    }
}

void Commands::rekey(ClientId client, const vici::Message& message) {
    auto selector = read_selector(message);
    const auto reauth = read_switch(message, "reauth");
    const auto wait = wait_of(message);
    if (!selector || !reauth || !wait) {
        refuse(client, !selector ? selector.error() : !reauth ? reauth.error() : wait.error());
        return;
    }
    if (selector->none()) {
        refuse(client, missing_name("rekey", "ike, child, ike-id or child-id"));
        return;
    }
    const ike::CommandId id = parts_.host.new_command(on_done());
    remember(id, client, message, *wait,
             [](const ike::CommandDone& done) { return with_matches(done, ""); });
    parts_.host.handle(ike::Rekey{.id = id,
                                  .ike = std::move(selector->ike),
                                  .child = std::move(selector->child),
                                  .ike_id = selector->ike_id,
                                  .child_id = selector->child_id,
                                  .reauth = *reauth});
}

void Commands::redirect(ClientId client, const vici::Message& message) {
    auto command = read_redirect(message);
    const auto wait = wait_of(message);
    if (!command || !wait) {
        refuse(client, !command ? command.error() : wait.error());
        return;
    }
    const ike::CommandId id = parts_.host.new_command(on_done());
    command->id = id;
    remember(id, client, message, *wait,
             [](const ike::CommandDone& done) { return with_matches(done, ""); });
    parts_.host.handle(*std::move(command));
}

void Commands::install(ClientId client, const vici::Message& message) {
    if (message.value_or("child", "").empty()) {
        return refuse(client, missing_name("install", "child"));
    }
    const Status done =
        parts_.gateway.install_policy(message.value_or("ike", ""), message.value_or("child", ""));
    parts_.server.respond(client, done ? vici::success() : vici::failure(done.error()));
}

void Commands::uninstall(ClientId client, const vici::Message& message) {
    if (message.value_or("child", "").empty()) {
        return refuse(client, missing_name("uninstall", "child"));
    }
    const Status done =
        parts_.gateway.uninstall_policy(message.value_or("ike", ""), message.value_or("child", ""));
    parts_.server.respond(client, done ? vici::success() : vici::failure(done.error()));
}

}  // namespace culvert::daemon
