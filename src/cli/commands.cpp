#include "cli/commands.hpp"

#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "cli/connection.hpp"
#include "cli/json.hpp"
#include "cli/render.hpp"
#include "config/config.hpp"

namespace culvert::cli {
namespace {

constexpr std::string_view own_version = "0.1.0";

// Prints the failure in the form that was asked for.
Exit fail(const Common& common, std::string_view what, const Error& error,
          Exit status = Exit::failed) {
    if (common.json) {
        vici::Message out;
        out.set("success", "no").set("command", what).set("code", name(error.code));
        out.set("wanted", error.wanted).set("received", error.received).set("remedy", error.remedy);
        fmt::print("{}\n", to_json(out));
    } else {
        fmt::print(stderr, "{}", render_error(what, error));
    }
    return status;
}

// Opens the way to the daemon and hands it on.
template <class Use>
Exit with_daemon(const Common& common, std::string_view what, Use use) {
    auto connection = Connection::open(common.vici);
    if (!connection) { return fail(common, what, connection.error(), Exit::no_daemon); }
    return use(connection->client());
}

using Messages = std::vector<vici::Message>;

Result<Messages> listed(vici::Client& client, std::string_view command, std::string_view event) {
    Messages out;
    const auto answer =
        client.request(command, {}, event, [&](const vici::Message& one) { out.push_back(one); });
    if (!answer) { return std::unexpected(answer.error()); }
    return out;
}

struct Target {
    std::string ike;
    std::string child;
};

// A plain name is a child if any connection has one of it, else a connection.
Result<Target> target_of(vici::Client& client, std::string_view text) {
    if (const auto slash = text.find('/'); slash != std::string_view::npos) {
        return Target{.ike = std::string{text.substr(0, slash)},
                      .child = std::string{text.substr(slash + 1)}};
    }
    const auto connections = listed(client, "list-conns", "list-conn");
    if (!connections) { return std::unexpected(connections.error()); }
    bool is_connection = false;
    for (const vici::Message& connection : *connections) {
        for (const vici::Entry& entry : connection.entries) {
            const auto* const section = std::get_if<vici::Section>(&entry.element);
            const vici::Section* const children =
                section == nullptr ? nullptr : section->section("children");
            if (children != nullptr && children->section(text) != nullptr) {
                return Target{.ike = entry.key, .child = std::string{text}};
            }
            is_connection = is_connection || entry.key == text;
        }
    }
    if (is_connection) { return Target{.ike = std::string{text}, .child = {}}; }
    return Target{.ike = {}, .child = std::string{text}};  // the daemon says what there is
}

// Runs a command that sends its progress as control-log.
Exit run(const Common& common, vici::Client& client, std::string_view command, const Target& target,
         vici::Message message, const std::string& what) {
    if (!target.ike.empty()) { message.set("ike", target.ike); }
    if (!target.child.empty()) { message.set("child", target.child); }
    message.set("timeout", fmt::format("{}", common.timeout_s * 1000)).set("loglevel", "1");
    const auto answer =
        client.request(command, message, "control-log", [&](const vici::Message& line) {
            if (common.verbose) { fmt::print(stderr, "{}\n", line.value_or("msg", "")); }
        });
    if (!answer) { return fail(common, what, answer.error()); }
    if (!vici::check(command, *answer)) { return fail(common, what, error_of(*answer)); }
    if (command == "initiate") {
        const auto sas = listed(client, "list-sas", "list-sa");
        if (!sas) { return fail(common, what, sas.error()); }
        if (!common.json) {
            fmt::print("{}", render_up(*sas, target.ike, target.child));
            return Exit::ok;
        }
    }
    if (common.json) {
        fmt::print("{}\n", to_json(*answer));
    } else {
        fmt::print("{}: done\n", what);
    }
    return Exit::ok;
}

Exit run_on(const Common& common, std::string_view name, std::string_view word,
            std::string_view command, const vici::Message& message) {
    const std::string what = fmt::format("{} {}", word, name);
    return with_daemon(common, what, [&](vici::Client& client) {
        const auto target = target_of(client, name);
        if (!target) { return fail(common, what, target.error()); }
        return run(common, client, command, *target, message, what);
    });
}

// Asks one question and prints the answer as it is.
Exit ask(const Common& common, std::string_view word, std::string_view command) {
    return with_daemon(common, word, [&](vici::Client& client) {
        const auto answer = client.request(command);
        if (!answer) { return fail(common, word, answer.error()); }
        if (!vici::check(command, *answer)) { return fail(common, word, error_of(*answer)); }
        fmt::print("{}\n", to_json(*answer));
        return Exit::ok;
    });
}

}  // namespace

Exit up(const Common& common, std::string_view name) {
    return run_on(common, name, "up", "initiate", {});
}

Exit down(const Common& common, std::string_view name, bool force) {
    vici::Message message;
    if (force) { message.set("force", "yes"); }
    return run_on(common, name, "down", "terminate", message);
}

Exit rekey(const Common& common, std::string_view name) {
    return run_on(common, name, "rekey", "rekey", {});
}

Exit status(const Common& common) {
    return with_daemon(common, "status", [&](vici::Client& client) {
        auto daemon = client.request("culvert-status");
        if (!daemon) { return fail(common, "status", daemon.error()); }
        auto connections = listed(client, "list-conns", "list-conn");
        if (!connections) { return fail(common, "status", connections.error()); }
        auto sas = listed(client, "list-sas", "list-sa");
        if (!sas) { return fail(common, "status", sas.error()); }
        if (!common.json) {
            fmt::print("{}", render_status({.daemon = std::move(*daemon),
                                            .connections = std::move(*connections),
                                            .sas = std::move(*sas)}));
            return Exit::ok;
        }
        vici::Section all_sas;
        std::size_t count = 0;
        for (vici::Message& sa : *sas) { all_sas.set(fmt::format("{}", ++count), std::move(sa)); }
        vici::Section all_connections;
        for (vici::Message& connection : *connections) {
            for (vici::Entry& entry : connection.entries) {
                if (auto* section = std::get_if<vici::Section>(&entry.element)) {
                    all_connections.set(entry.key, std::move(*section));
                }
            }
        }
        daemon->set("connections", std::move(all_connections)).set("sas", std::move(all_sas));
        fmt::print("{}\n", to_json(*daemon));
        return Exit::ok;
    });
}

Exit stats(const Common& common) { return ask(common, "stats", "stats"); }

Exit reload(const Common& common) {
    return with_daemon(common, "reload", [&](vici::Client& client) {
        const auto answer = client.request("culvert-reload");
        if (!answer) { return fail(common, "reload", answer.error()); }
        if (!vici::check("culvert-reload", *answer)) {
            return fail(common, "reload", error_of(*answer));
        }
        fmt::print("{}\n", common.json ? to_json(*answer) : std::string{"reloaded"});
        return Exit::ok;
    });
}

Exit log(const Common& common, bool follow) {
    return with_daemon(common, "log", [&](vici::Client& client) {
        const auto show = [&](const vici::Message& record) {
            fmt::print("{}\n", common.json
                                   ? to_json(record)
                                   : record.value_or("culvert-line", record.value_or("msg", "")));
            std::fflush(stdout);
        };
        const auto answer = client.request("culvert-log", {}, "log", show);
        if (!answer) { return fail(common, "log", answer.error()); }
        if (!follow) { return Exit::ok; }
        if (const auto subscribed = client.subscribe("log"); !subscribed) {
            return fail(common, "log", subscribed.error());
        }
        for (;;) {
            const auto event = client.next_event();
            if (!event) { return fail(common, "log", event.error()); }
            show(event->message);
        }
    });
}

Exit version(const Common& common) {
    vici::Message out;
    out.set("culvert", own_version);
    auto connection = Connection::open(common.vici);
    const auto daemon = connection ? connection->client().request("version")
                                   : Result<vici::Message>{std::unexpected(connection.error())};
    if (daemon) { out.set("daemon", *daemon); }
    if (common.json) {
        fmt::print("{}\n", to_json(out));
    } else if (daemon) {
        fmt::print("culvert {}, {} {}\n", own_version, daemon->value_or("daemon", "?"),
                   daemon->value_or("culvert", daemon->value_or("version", "?")));
    } else {
        fmt::print("culvert {}, no daemon answers\n", own_version);
    }
    return Exit::ok;
}

Exit check(const Common& common, const std::string& file) {
    const config::Loaded loaded = config::load_file(file, config::disk());
    if (common.json) {
        vici::Section problems;
        std::size_t count = 0;
        for (const config::Problem& problem : loaded.problems) {
            problems.set(fmt::format("{}", ++count), problem.to_string());
        }
        vici::Message out;
        out.set("file", file)
            .set("success", loaded.ok() ? "yes" : "no")
            .set("problems", std::move(problems));
        fmt::print("{}\n", to_json(out));
    } else {
        for (const config::Problem& problem : loaded.problems) {
            fmt::print("{}\n", problem.to_string());
        }
        fmt::print("{}: {}, {} connections, {} secrets\n", file, loaded.ok() ? "fine" : "refused",
                   loaded.config.connections.size(), loaded.config.secrets.size());
    }
    return loaded.ok() ? Exit::ok : Exit::failed;
}

Exit diagnose(const Common& common, std::string_view name) {
    return fail(common, fmt::format("diagnose {}", name),
                {.code = ErrorCode::not_built,
                 .wanted = "a step by step look at the path to the peer",
                 .received = "a command that is not built yet",
                 .remedy = "see culvert status for the last failures, and culvert up --verbose"});
}

}  // namespace culvert::cli
