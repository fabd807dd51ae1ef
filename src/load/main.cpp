// culvert-load: N initiators against one responder, and what each IKE SA with its Child SA costs
// that responder. Exit 0: all came up; 1: some did not; 2: usage.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <sched.h>

#include "config/config.hpp"
#include "load/clients.hpp"
#include "load/crypto_limit.hpp"
#include "load/limits.hpp"
#include "load/process_cost.hpp"

namespace culvert::load {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
    std::string config;
    std::string local = "127.0.0.1";
    std::string remote = "127.0.0.1";
    std::uint16_t local_port = 0;
    std::uint16_t remote_port = 500;
    std::size_t clients = 1000;
    std::size_t warm_up = 0;
    std::size_t at_once = 8;
    unsigned seconds_max = 120;
    unsigned hold_s = 0;
    int pid = 0;
    int cpu = -1;
    bool own_identities = false;
    bool limit = false;
    std::string name = "responder";
};

int fail(const std::string& why) {
    fmt::print(stderr, "culvert-load: {}\n", why);
    return 2;
}

double seconds_of(std::chrono::nanoseconds time) {
    return std::chrono::duration<double>(time).count();
}

// Runs until `up` are up (or failed), or the time is over.
void run_until(Clients& clients, std::size_t up, Clock::time_point end) {
    while (clients.progress().up + clients.progress().failed < up && Clock::now() < end) {
        clients.step(poll_max, true);
    }
}

void report(const Options& options, std::size_t handshakes, std::chrono::nanoseconds cpu,
            std::chrono::nanoseconds wall, std::uint64_t octets,
            const std::optional<CryptoLimit>& limit) {
    const double rate = static_cast<double>(handshakes) / seconds_of(cpu);
    fmt::print(
        "{}: {} IKE SAs with a Child SA, {:.0f} a CPU second, {:.0f} a second, "
        "{:.2f} KiB each\n",
        options.name, handshakes, rate, static_cast<double>(handshakes) / seconds_of(wall),
        static_cast<double>(octets) / 1024 / static_cast<double>(handshakes));
    if (!limit) { return; }
    fmt::print(
        "{}: {:.1f} % of libcrypto's {:.0f} (X25519 alone), {:.1f} % of its {:.0f} "
        "(X25519, ECDSA P-256: one signature, two verifications)\n",
        options.name, 100 * rate / limit->psk(), limit->psk(), 100 * rate / limit->ecdsa(),
        limit->ecdsa());
}

void hold(const Options& options, Clients& clients) {
    const auto before = cost_of(options.pid);
    const auto began = Clock::now();
    const auto end = began + std::chrono::seconds{options.hold_s};
    while (Clock::now() < end) { clients.step(poll_max, false); }
    const auto after = cost_of(options.pid);
    if (!before || !after) { return; }
    fmt::print("{}: {} established, idle for {} s: {:.2f} % of a core, {} lost\n", options.name,
               clients.progress().up, options.hold_s,
               100 * seconds_of(after->cpu - before->cpu) / seconds_of(Clock::now() - began),
               clients.progress().lost);
}

int run(const Options& options) {
    if (options.cpu >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET(static_cast<std::size_t>(options.cpu), &set);
        if (sched_setaffinity(0, sizeof set, &set) != 0) { return fail("there is no such CPU"); }
    }
    if (options.clients + options.warm_up > clients_max) {
        return fail(fmt::format("at most {} clients", clients_max));
    }
    auto loaded = config::load_file(options.config, config::disk());
    if (!loaded.ok()) { return fail(explain(config::as_error(loaded.problems))); }
    if (loaded.config.connections.size() != 1 ||
        loaded.config.connections.front().children.size() != 1) {
        return fail("the configuration must have one connection with one child");
    }
    const auto local = IpAddress::parse(options.local);
    const auto remote = IpAddress::parse(options.remote);
    if (!local || !remote) { return fail("--local and --remote take addresses"); }
    std::optional<CryptoLimit> limit;
    if (options.limit) { limit = measure_crypto_limit(); }
    auto clients = Clients::open({.config = std::move(loaded.config),
                                  .local = {*local, options.local_port},
                                  .remote = {*remote, options.remote_port},
                                  .count = options.clients + options.warm_up,
                                  .at_once = options.at_once,
                                  .own_identities = options.own_identities});
    if (!clients) { return fail(explain(clients.error())); }
    Clients& all = **clients;
    const auto end = Clock::now() + std::chrono::seconds{options.seconds_max};
    run_until(all, options.warm_up, end);
    const std::size_t up_before = all.progress().up;
    const auto before = cost_of(options.pid);
    const auto began = Clock::now();
    run_until(all, options.warm_up + options.clients, end);
    const auto wall = Clock::now() - began;
    const auto after = cost_of(options.pid);
    const Progress& progress = all.progress();
    if (before && after && progress.up > up_before) {
        const std::uint64_t grown =
            after->resident_octets - std::min(after->resident_octets, before->resident_octets);
        report(options, progress.up - up_before, after->cpu - before->cpu, wall, grown, limit);
    }
    if (progress.failed != 0 || !all.all_done()) {
        fmt::print(
            "{}: {} up, {} failed, {} begun, {} retransmissions{}{}\n", options.name, progress.up,
            progress.failed, progress.begun, progress.retransmits,
            progress.first_failure.empty() ? "" : "; the first failure: ", progress.first_failure);
        return 1;
    }
    if (options.hold_s != 0) { hold(options, all); }
    return 0;
}

}  // namespace
}  // namespace culvert::load

int main(int argc, char** argv) {
    CLI::App app{"Many IKEv2 initiators against one responder; what an IKE SA costs it."};
    culvert::load::Options options;
    app.add_option("--config", options.config,
                   "swanctl.conf with one connection and one child: the initiator")
        ->required();
    app.add_option("--clients", options.clients, "how many")->capture_default_str();
    app.add_option("--warm-up", options.warm_up, "so many before the measurement")
        ->capture_default_str();
    app.add_option("--at-once", options.at_once, "handshakes in progress")->capture_default_str();
    app.add_option("--local", options.local, "our address")->capture_default_str();
    app.add_option("--local-port", options.local_port, "our port; 0: any")->capture_default_str();
    app.add_option("--remote", options.remote, "the responder's address")->capture_default_str();
    app.add_option("--remote-port", options.remote_port, "its port")->capture_default_str();
    app.add_option("--pid", options.pid, "the responder's process, to see what it costs");
    app.add_option("--cpu", options.cpu, "run on this CPU");
    app.add_option("--seconds", options.seconds_max, "at most")->capture_default_str();
    app.add_option("--hold", options.hold_s,
                   "then keep them up so many seconds, and look at the cost");
    app.add_option("--name", options.name, "what to call the responder")->capture_default_str();
    app.add_flag("--own-identities", options.own_identities,
                 "clientN.load each, in place of the configuration's");
    app.add_flag("--limit", options.limit, "compare with libcrypto's limit");
    CLI11_PARSE(app, argc, argv);
    return culvert::load::run(options);
}
