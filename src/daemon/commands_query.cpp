// What can be asked: version, stats, list-*, counters, culvert-status, culvert-log.

#include <algorithm>
#include <array>
#include <deque>
#include <iterator>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "daemon/commands.hpp"
#include "daemon/counters_message.hpp"
#include "daemon/failure_messages.hpp"
#include "daemon/limits.hpp"
#include "daemon/requests.hpp"
#include "daemon/version.hpp"

namespace culvert::daemon {
namespace {

using vici::Message;
using vici::Section;

std::string number(std::uint64_t value) { return fmt::format("{}", value); }

std::int64_t seconds_of(Duration duration) {
    return std::chrono::floor<std::chrono::seconds>(duration).count();
}

// "3 days", "2 hours", "45 seconds": strongSwan's way in stats.
std::string roughly(std::int64_t seconds) {
    constexpr std::array<std::pair<std::int64_t, std::string_view>, 3> units{
        {{86400, "day"}, {3600, "hour"}, {60, "minute"}}};
    for (const auto& [size, word] : units) {
        if (seconds >= 2 * size) { return fmt::format("{} {}s", seconds / size, word); }
    }
    return fmt::format("{} second{}", seconds, seconds == 1 ? "" : "s");
}

std::string wall_clock(Duration ago) {
    const auto then = std::chrono::system_clock::now() -
                      std::chrono::duration_cast<std::chrono::system_clock::duration>(ago);
    return fmt::format("{:%b %d %H:%M:%S %Y}",
                       fmt::localtime(std::chrono::system_clock::to_time_t(then)));
}

bool matches_filter(const Message& message, const ike::IkeSaStatus& ike) {
    if (const std::string* name = message.value("ike");
        name != nullptr && *name != ike.connection) {
        return false;
    }
    const std::string* id = message.value("ike-id");
    if (id != nullptr && *id != number(ike.unique_id)) { return false; }
    return true;
}

// Of an IKE SA the children that are asked for; it is listed without any, too.
void keep_matching_children(const Message& message, ike::IkeSaStatus& ike) {
    const std::string* child = message.value("child");
    const std::string* child_id = message.value("child-id");
    std::erase_if(ike.children, [&](const ike::ChildSaStatus& one) {
        return (child != nullptr && *child != one.name) ||
               (child_id != nullptr && *child_id != number(one.unique_id));
    });
}

Error no_counters(std::string_view connection) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the counters of connection {}", printable(connection)),
            .received = "no message of it since it was loaded"};
}

std::size_t half_open_of(const std::vector<ike::IkeSaStatus>& all) {
    return static_cast<std::size_t>(std::ranges::count_if(all, [](const ike::IkeSaStatus& ike) {
        return ike.state == ike::IkeState::created || ike.state == ike::IkeState::connecting;
    }));
}

}  // namespace

void Commands::version(ClientId client, const Message&) {
    utsname system{};
    ::uname(&system);
    Message out;
    out.set("daemon", "culvertd");
    out.set("version", vici_version);
    out.set("sysname", static_cast<const char*>(system.sysname));
    out.set("release", static_cast<const char*>(system.release));
    out.set("machine", static_cast<const char*>(system.machine));
    out.set("culvert", daemon::version);
    parts_.server.respond(client, out);
}

void Commands::stats(ClientId client, const Message&) {
    const Duration uptime = Loop::now() - started_;
    const auto sas = parts_.host.engines().status(Loop::now());
    const auto priorities = [](std::string_view active) {
        Section out;
        for (const std::string_view word : {"critical", "high", "medium", "low"}) {
            out.set(word, word == "critical" ? active : "0");
        }
        return out;
    };
    Message out;
    out.set("uptime",
            Section{}.set("running", roughly(seconds_of(uptime))).set("since", wall_clock(uptime)));
    out.set("workers", Section{}.set("total", "1").set("idle", "0").set("active", priorities("1")));
    out.set("queues", priorities("0"));
    out.set("scheduled", parts_.host.engines().waits() ? "1" : "0");
    out.set("ikesas",
            Section{}.set("total", number(sas.size())).set("half-open", number(half_open_of(sas))));
    out.set("plugins", vici::List{"culvert"});
    Section plane;
    for (const auto& [key, value] : parts_.host.plane().statistics()) {
        plane.set(key, number(value));
    }
    out.set("culvert-plane", std::move(plane));
    out.set("culvert-events", parts_.event_counters.to_section());
    parts_.server.respond(client, out);
}

void Commands::list_sas(ClientId client, const Message& message) {
    auto all = parts_.host.engines().status(Loop::now());
    std::erase_if(all, [&](const ike::IkeSaStatus& ike) { return !matches_filter(message, ike); });
    for (ike::IkeSaStatus& ike : all) { keep_matching_children(message, ike); }
    parts_.server.stream_all(client, "list-sa",
                             [this, all = std::move(all), at = std::size_t{0},
                              parts = std::deque<Message>{}]() mutable -> std::optional<Message> {
                                 if (parts.empty()) {
                                     if (at == all.size()) { return std::nullopt; }
                                     std::ranges::move(list_sa_in_parts(all[at++], moment()),
                                                       std::back_inserter(parts));
                                 }
                                 Message out = std::move(parts.front());
                                 parts.pop_front();
                                 return out;
                             });
}

void Commands::list_conns(ClientId client, const Message& message) {
    std::vector<Message> all;
    const std::string* name = message.value("ike");
    for (const ike::Connection& connection : parts_.gateway.config().connections) {
        if (name == nullptr || *name == connection.name) {
            all.push_back(list_conn(connection, [&](const ike::ChildConfig& child, Section& out) {
                add_news(connection, child, out);
            }));
        }
    }
    parts_.server.stream_all(
        client, "list-conn",
        [all = std::move(all), at = std::size_t{0}]() mutable -> std::optional<Message> {
            if (at == all.size()) { return std::nullopt; }
            return std::move(all[at++]);
        });
}

// What keeps a child down, where we know.
void Commands::add_news(const ike::Connection& connection, const ike::ChildConfig& child,
                        Section& out) {
    if (const std::string* why = parts_.gateway.policy_problem(connection.name, child.name)) {
        out.set("culvert-policy-problem", cut_word(*why, child_word_max));
    }
    const auto kept = parts_.keeper.standing(connection.name, child.name);
    if (!kept) { return; }
    out.set("culvert-keep-up", kept->held ? "held" : "yes");
    if (kept->failures == 0) { return; }
    out.set("culvert-tries-failed", number(kept->failures));
    out.set("culvert-next-try", fmt::format("{}", seconds_of(kept->next_try)));
    out.set("culvert-last-failure", cut_word(kept->why, child_word_max));
}

void Commands::list_policies(ClientId client, const Message& message) {
    std::vector<Message> all;
    const auto trap = read_switch(message, "trap");
    const auto pass = read_switch(message, "pass");
    const auto drop = read_switch(message, "drop");
    if (!trap || !pass || !drop) {
        refuse(client, !trap ? trap.error() : !pass ? pass.error() : drop.error());
        return;
    }
    const auto asked = [any = !*trap && !*pass && !*drop, trap = *trap, pass = *pass,
                        drop = *drop](ike::ChildMode mode) {
        switch (mode) {
            case ike::ChildMode::pass: return any || pass;
            case ike::ChildMode::drop: return any || drop;
            case ike::ChildMode::tunnel:
            case ike::ChildMode::transport: return any || trap;
        }
        return any;
    };
    const std::string* child = message.value("child");
    const std::string* ike = message.value("ike");
    for (const InstalledPolicy& one : parts_.gateway.policies()) {
        if (!asked(one.mode) || (child != nullptr && *child != one.policy.name) ||
            (ike != nullptr && *ike != one.policy.connection)) {
            continue;
        }
        all.push_back(list_policy(one.policy, mode_name(one.mode)));
    }
    parts_.server.stream_all(
        client, "list-policy",
        [all = std::move(all), at = std::size_t{0}]() mutable -> std::optional<Message> {
            if (at == all.size()) { return std::nullopt; }
            return std::move(all[at++]);
        });
}

void Commands::get_counters(ClientId client, const Message& message) {
    const auto of_all = read_switch(message, "all");
    if (!of_all) {
        refuse(client, of_all.error());
        return;
    }
    const std::string wanted = message.value_or("name", "");
    const std::map<std::string, ike::Counters> all = counters_of_all();
    Section out;
    // "all" are those with a name, as strongSwan has it.
    for (const auto& [name, counters] : all) {
        if (*of_all ? !name.empty() : name == wanted) {
            out.set(name, counters_section(counters, counters_base_[name]));
        }
    }
    if (out.entries.empty() && !*of_all) {
        refuse(client, no_counters(wanted));
        return;
    }
    parts_.server.respond(client, Message{}.set("counters", std::move(out)).set("success", "yes"));
}

void Commands::reset_counters(ClientId client, const Message& message) {
    const auto of_all = read_switch(message, "all");
    if (!of_all) {
        refuse(client, of_all.error());
        return;
    }
    const std::string wanted = message.value_or("name", "");
    bool found = false;
    for (auto& [name, counters] : counters_of_all()) {
        if (!*of_all && name != wanted) { continue; }
        counters_base_[name] = std::move(counters);
        found = true;
    }
    parts_.server.respond(client, found ? vici::success() : vici::failure(no_counters(wanted)));
}

// By connection; those of the daemon as a whole have no name.
std::map<std::string, ike::Counters> Commands::counters_of_all() {
    std::map<std::string, ike::Counters> out = parts_.host.engines().connection_counters();
    // A connection that went and came begins anew.
    std::erase_if(counters_base_, [&](const auto& entry) {
        return !entry.first.empty() && !out.contains(entry.first);
    });
    out[""] = parts_.host.engines().counters();
    return out;
}

void Commands::culvert_status(ClientId client, const Message&) {
    const Instant now = Loop::now();
    Section daemon;
    daemon.set("version", daemon::version);
    daemon.set("pid", number(static_cast<std::uint64_t>(::getpid())));
    daemon.set("uptime", fmt::format("{}", seconds_of(now - started_)));
    daemon.set("vici", parts_.server.uri().to_string());
    daemon.set("plane", parts_.host.plane().description());
    daemon.set("config", parts_.options.config_file.value_or(default_config_file));
    daemon.set("half-open", number(parts_.host.engines().half_open()));
    daemon.set("clients", number(parts_.server.clients()));
    daemon.set("inputs-dropped", number(parts_.host.inputs_dropped()));
    daemon.set("records-suppressed", number(parts_.event_log.suppressed()));
    daemon.set("records-lost", number(parts_.log.lost()));
    daemon.set("events-lost", number(parts_.server.events_lost()));
    if (const auto& problem = parts_.load_problem()) {
        daemon.set("config-problem", printable(problem->text, log_text_max));
        daemon.set("config-problem-ago", fmt::format("{}", seconds_of(now - problem->at)));
    }

    Section plane;
    for (const auto& [key, value] : parts_.host.plane().statistics()) {
        plane.set(key, number(value));
    }
    FailureList failures = failure_list(
        parts_.host.engines().failures(),
        [this](const ike::Failure& failure) -> const std::vector<std::string>* {
            const auto* const story = parts_.event_log.recorder().story_of(failure);
            return story == nullptr ? nullptr : &story->lines;
        },
        now);
    if (failures.left_out != 0) { daemon.set("failures-left-out", number(failures.left_out)); }
    Message out;
    out.set("daemon", std::move(daemon));
    out.set("plane", std::move(plane));
    out.set("unresolved-names", unresolved_names());
    out.set("failures", std::move(failures.shown));
    parts_.server.respond(client, out);
}

// Those that there is room for.
vici::Section Commands::unresolved_names() {
    Section out;
    std::size_t octets = 0;
    for (const auto& [name, why] : parts_.gateway.unresolved()) {
        octets += name.size() + why.size();
        if (octets > unresolved_octets_max) { break; }
        out.set(name, why);
    }
    return out;
}

// The recent records as log events, oldest first; then the client may go on listening to `log`.
void Commands::culvert_log(ClientId client, const Message&) {
    std::vector<LogRecord> recent{parts_.log.recent().begin(), parts_.log.recent().end()};
    parts_.server.stream_all(
        client, "log",
        [recent = std::move(recent), at = std::size_t{0}]() mutable -> std::optional<Message> {
            if (at == recent.size()) { return std::nullopt; }
            const LogRecord& record = recent[at++];
            return log_message(record).set("culvert-line", to_text(record));
        });
}

// The levels of --log while we run: {levels = "info,ike=debug"} changes them; then, or without it,
// how they are.
void Commands::culvert_log_level(ClientId client, const Message& message) {
    LogLevels levels = parts_.log.levels();
    if (const std::string* wanted = message.value("levels")) {
        if (const Status done = levels.change(*wanted); !done) {
            parts_.server.respond(client, vici::failure(done.error()));
            return;
        }
        parts_.log.set_levels(levels);
        parts_.log.info(LogGroup::daemon, fmt::format("log levels were changed by VICI: {}",
                                                      printable(*wanted, 200)));
    }
    Section groups;
    for (std::size_t i = 0; i < log_groups; ++i) {
        const auto group = static_cast<LogGroup>(i);
        groups.set(name(group), levels.level(group));
    }
    parts_.server.respond(client, vici::success().set("levels", std::move(groups)));
}

}  // namespace culvert::daemon
