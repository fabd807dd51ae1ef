// culvert: the operator's command line.

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/commands.hpp"

namespace {

using culvert::cli::Common;
using culvert::cli::Exit;

void add_common(CLI::App& command, Common& common) {
    command.add_option("--vici", common.vici, "URI of the daemon's socket: unix:///path");
    command.add_flag("--json", common.json, "print JSON");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Brings IPsec tunnels up and down, and tells how they are."};
    app.require_subcommand(1);
    Common common;
    std::string name;
    std::string file = "/etc/swanctl/swanctl.conf";
    bool flag = false;
    std::function<Exit()> chosen;
    const auto command = [&](const char* word, const char* about, std::function<Exit()> run) {
        CLI::App* const sub = app.add_subcommand(word, about);
        add_common(*sub, common);
        sub->callback([&chosen, run = std::move(run)] { chosen = run; });
        return sub;
    };
    const auto named = [&](CLI::App* sub) {
        sub->add_option("name", name, "a child, a connection, or connection/child")->required();
        sub->add_option("--timeout", common.timeout_s, "give up waiting after so many seconds");
        sub->add_flag("-v,--verbose", common.verbose, "show the progress");
        return sub;
    };
    command("status", "connections, SAs, traffic, the last failures",
            [&] { return status(common); });
    named(command("up", "bring a tunnel up", [&] { return up(common, name); }));
    named(command("down", "take a tunnel down", [&] {
        return down(common, name, flag);
    }))->add_flag("--force", flag, "do not wait for the peer");
    named(command("rekey", "give a tunnel fresh keys", [&] { return rekey(common, name); }));
    command("reload", "read the configuration again, all or nothing",
            [&] { return reload(common); });
    command("check", "look a configuration over, without a daemon",
            [&] { return check(common, file); })
        ->add_option("file", file, "a swanctl.conf")
        ->capture_default_str();
    command("log", "the last log lines", [&] {
        return log(common, flag);
    })->add_flag("-f,--follow", flag, "and those to come");
    command("monitor", "log lines as they come", [&] { return log(common, true); });
    command("stats", "counters of the daemon", [&] { return stats(common); });
    command("version", "of this program and of the daemon", [&] { return version(common); });
    named(command("diagnose", "find out why a tunnel does not come up",
                  [&] { return diagnose(common, name); }));
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) { return app.exit(error) == 0 ? 0 : 2; }
    return static_cast<int>(chosen());
}
