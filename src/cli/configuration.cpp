// check, diff, reload: the configuration.

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/render_lists.hpp"
#include "config/config.hpp"
#include "ike/credentials.hpp"
#include "x509/certificate.hpp"

namespace culvert::cli {
namespace {

std::string counted(std::size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

using Severity = config::Problem::Severity;

std::string_view word(Severity severity) {
    switch (severity) {
        case Severity::error: return "error";
        case Severity::warning: return "warning";
        case Severity::info: return "info";
    }
    return "error";
}

vici::Section section_of(const config::Problem& problem) {
    vici::Section out;
    out.set("severity", word(problem.severity));
    if (problem.place.file != nullptr) {
        out.set("file", *problem.place.file).set("line", fmt::format("{}", problem.place.line));
    }
    out.set("path", problem.path).set("what", problem.what).set("remedy", problem.remedy);
    return out;
}

// Certificates that have ended, that soon will, or that do not begin yet: whoever reads the file
// alone has no clock.
void check_dates(config::Loaded& loaded, x509::Time now) {
    constexpr std::chrono::days soon{30};
    if (loaded.config.credentials == nullptr) { return; }
    const auto look = [&](const std::vector<x509::Certificate>& list) {
        for (const x509::Certificate& one : list) {
            const bool early = now < one.not_before();
            if (!early && now + soon < one.not_after()) { continue; }
            const std::string_view state = early                   ? "is not valid yet"
                                           : one.not_after() < now ? "has ended"
                                                                   : "ends soon";
            loaded.problems.push_back({.severity = Severity::warning,
                                       .place = {},
                                       .path = "certificates",
                                       .what = fmt::format("\"{}\" {}: it is valid from {} to {}",
                                                           ike::subject_of(one).to_string(), state,
                                                           x509::to_string(one.not_before()),
                                                           x509::to_string(one.not_after())),
                                       .remedy = early ? "set this host's clock, or wait"
                                                       : "replace it, and then culvert reload"});
        }
    };
    look(loaded.config.credentials->certificates);
    look(loaded.config.credentials->authorities);
}

// Of all kinds but the passphrases of keys.
std::size_t secrets_of(const config::Loaded& loaded) {
    const ike::Config& config = loaded.config;
    return config.secrets.size() + config.passwords.size() + config.ppks.size() +
           loaded.tokens.size();
}

Exit show_changes(const Context& context, std::string_view what, std::string_view command,
                  std::string_view done) {
    return with_daemon(context, what, [&](vici::Client& client) {
        const auto answer = ask(client, command);
        if (!answer) { return fail(context, what, answer.error()); }
        if (context.json) {
            print_json(context, *answer);
        } else {
            context.output.out(render_changes(*answer, done));
        }
        return Exit::ok;
    });
}

}  // namespace

Exit diff(const Context& context) {
    return show_changes(context, "diff", "culvert-diff", "a reload would change nothing");
}

Exit reload(const Context& context) {
    return show_changes(context, "reload", "culvert-reload", "reloaded, nothing has changed");
}

Exit check(const Context& context, const std::string& file) {
    config::Loaded loaded = config::load_file(file, config::disk());
    check_dates(loaded, std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
    const Exit status = loaded.ok() ? Exit::ok : Exit::failed;
    if (context.json) {
        std::vector<vici::Message> problems;
        for (const config::Problem& problem : loaded.problems) {
            problems.push_back(section_of(problem));
        }
        vici::Message out;
        out.set("file", file).set("success", loaded.ok() ? "yes" : "no");
        out.set("connections", fmt::format("{}", loaded.config.connections.size()));
        out.set("secrets", fmt::format("{}", secrets_of(loaded)));
        out.set("problems", numbered(std::move(problems)));
        print_json(context, out);
        return status;
    }
    for (const config::Problem& problem : loaded.problems) {
        context.output.out(problem.to_string() + "\n");
    }
    const auto warnings =
        std::ranges::count(loaded.problems, Severity::warning, &config::Problem::severity);
    context.output.out(fmt::format(
        "{}: {}{}, {}, {}\n", file,
        !loaded.ok()    ? "refused"
        : warnings == 0 ? "fine"
                        : "can be loaded",
        warnings == 0 ? "" : ", " + counted(static_cast<std::size_t>(warnings), "warning"),
        counted(loaded.config.connections.size(), "connection"),
        counted(secrets_of(loaded), "secret")));
    return status;
}

}  // namespace culvert::cli
