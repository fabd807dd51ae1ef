// initiate, terminate, rekey, install, uninstall.

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "daemon/commands.hpp"

namespace culvert::daemon {
namespace {

template <class Number>
std::optional<Number> number(const vici::Message& message, std::string_view key) {
    const std::string* text = message.value(key);
    if (text == nullptr) { return std::nullopt; }
    Number out = 0;
    const char* end = text->data() + text->size();
    const auto [at, error] = std::from_chars(text->data(), end, out);
    if (error != std::errc{} || at != end) { return std::nullopt; }
    return out;
}

bool yes(const vici::Message& message, std::string_view key) {
    const std::string value = message.value_or(key, "no");
    return value == "yes" || value == "true" || value == "1" || value == "enabled";
}

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

Error not_a(std::string_view what, std::string_view key, const std::string& value) {
    return {.code = ErrorCode::malformed,
            .wanted = fmt::format("{} in {}", what, key),
            .received = printable(value)};
}

vici::Message with_matches(const ike::CommandDone& done, std::string_view count_key) {
    vici::Message out = done.status ? vici::success() : vici::failure(done.status.error());
    out.set("matches", fmt::format("{}", done.matched));
    if (!count_key.empty()) {
        out.set(count_key, fmt::format("{}", done.status ? done.matched : 0));
    }
    return out;
}

// Selectors and `gateway`, as swanctl --redirect sends them.
Result<ike::Redirect> redirect_of(const vici::Message& message) {
    ike::Redirect out{.ike = message.value_or("ike", ""),
                      .ike_id = number<std::uint32_t>(message, "ike-id")};
    if (const std::string* text = message.value("peer-ip")) {
        out.peer_address = IpRange::parse(*text);
        if (!out.peer_address) {
            return std::unexpected(not_a("an address, subnet or range", "peer-ip", *text));
        }
    }
    if (const std::string* text = message.value("peer-id")) {
        auto id = ike::Identity::parse_pattern(*text);
        if (!id) { return std::unexpected(std::move(id).error()); }
        out.peer_id = *std::move(id);
    }
    const std::string gateway = message.value_or("gateway", "");
    auto id = ike::Identity::parse(gateway);
    if (!id || gateway.empty()) {
        return std::unexpected(not_a("an address or a domain name", "gateway", gateway));
    }
    out.gateway = *std::move(id);
    return out;
}

bool names_none(const vici::Message& message) {
    return message.find("ike") == nullptr && message.find("child") == nullptr &&
           message.find("ike-id") == nullptr && message.find("child-id") == nullptr;
}

}  // namespace

// `timeout` in milliseconds: 0 waits for the end, -1 not at all (strongSwan's VICI).
void Commands::remember(ike::CommandId id, ClientId client, const vici::Message& message,
                        Answer answer) {
    const auto timeout = number<std::int64_t>(message, "timeout").value_or(0);
    if (timeout < 0) {
        parts_.host.forget(id);
        parts_.server.respond(client, vici::success());
        return;
    }
    Running& running = running_[id];
    running.client = client;
    running.log_level = number<int>(message, "loglevel").value_or(1);
    running.connections = connections_meant(message);
    running.ike_id = number<std::uint32_t>(message, "ike-id");
    running.answer = std::move(answer);
    if (timeout == 0) { return; }
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
    parts_.keeper.release(ike, child);
    const ike::CommandId id = parts_.gateway.initiate(ike, child, on_done());
    remember(id, client, message, [](const ike::CommandDone& done) {
        return done.status ? vici::success() : vici::failure(done.status.error());
    });
}

void Commands::terminate(ClientId client, const vici::Message& message) {
    if (names_none(message)) {
        parts_.server.respond(
            client, vici::failure(missing_name("terminate", "ike, child, ike-id or child-id")));
        return;
    }
    const ike::CommandId id = parts_.host.new_command(on_done());
    ike::Terminate command{.id = id,
                           .ike = message.value_or("ike", ""),
                           .child = message.value_or("child", ""),
                           .ike_id = number<std::uint32_t>(message, "ike-id"),
                           .child_id = number<std::uint32_t>(message, "child-id"),
                           .force = yes(message, "force")};
    keep_up_no_more(command);
    remember(id, client, message,
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
    if (names_none(message)) {
        parts_.server.respond(
            client, vici::failure(missing_name("rekey", "ike, child, ike-id or child-id")));
        return;
    }
    const ike::CommandId id = parts_.host.new_command(on_done());
    remember(id, client, message,
             [](const ike::CommandDone& done) { return with_matches(done, ""); });
    parts_.host.handle(ike::Rekey{.id = id,
                                  .ike = message.value_or("ike", ""),
                                  .child = message.value_or("child", ""),
                                  .ike_id = number<std::uint32_t>(message, "ike-id"),
                                  .child_id = number<std::uint32_t>(message, "child-id"),
                                  .reauth = yes(message, "reauth")});
}

void Commands::redirect(ClientId client, const vici::Message& message) {
    if (names_none(message) && message.find("peer-ip") == nullptr &&
        message.find("peer-id") == nullptr) {
        parts_.server.respond(
            client, vici::failure(missing_name("redirect", "ike, ike-id, peer-ip or peer-id")));
        return;
    }
    auto command = redirect_of(message);
    if (!command) {
        parts_.server.respond(client, vici::failure(command.error()));
        return;
    }
    const ike::CommandId id = parts_.host.new_command(on_done());
    command->id = id;
    remember(id, client, message,
             [](const ike::CommandDone& done) { return with_matches(done, ""); });
    parts_.host.handle(*std::move(command));
}

void Commands::install(ClientId client, const vici::Message& message) {
    const Status done =
        parts_.gateway.install_policy(message.value_or("ike", ""), message.value_or("child", ""));
    parts_.server.respond(client, done ? vici::success() : vici::failure(done.error()));
}

void Commands::uninstall(ClientId client, const vici::Message& message) {
    const Status done =
        parts_.gateway.uninstall_policy(message.value_or("ike", ""), message.value_or("child", ""));
    parts_.server.respond(client, done ? vici::success() : vici::failure(done.error()));
}

}  // namespace culvert::daemon
