// culvert-sim: the simulator as a program. Exit 0: all runs were sound; 1: a run was not, its seed
// is printed, or a walk was cut off; 2: usage.

#include <cstdint>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/simulation.hpp"
#include "sim/walk.hpp"

namespace {

using culvert::sim::Tally;

// True if every run was sound.
bool play_seeds(const culvert::sim::World& world, std::uint64_t first, std::uint64_t count,
                bool verbose) {
    Tally sum;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const auto outcome = culvert::sim::play(world, seed, verbose);
        for (const auto& [key, value] : outcome.tally) { sum[key] += value; }
        if (outcome.complaints.empty()) { continue; }
        fmt::print("world {} seed {} failed:\n", world.name, seed);
        for (const auto& complaint : outcome.complaints) { fmt::print("  {}\n", complaint); }
        fmt::print("again: culvert-sim --world {} --first {} --seeds 1 --verbose\n", world.name,
                   seed);
        return false;
    }
    fmt::print("world {:<14} {} seeds sound:", world.name, count);
    for (const auto& [key, value] : sum) { fmt::print(" {}={}", key, value); }
    fmt::print("\n");
    return true;
}

// True if every way of every case (or of the one named) was walked, and was sound.
bool walk_all(const std::string& only, const culvert::sim::WalkLimits& limits, std::uint64_t first,
              std::uint64_t seeds) {
    bool sound = true;
    std::uint64_t states = 0;
    for (const auto& one : culvert::sim::walk_cases()) {
        if (only != "all" && one.name != only) { continue; }
        for (std::uint64_t seed = first; seed < first + seeds; ++seed) {
            const auto report = culvert::sim::walk(one, seed, limits);
            states += report.states;
            fmt::print("{:<38} seed {}: {} states, {} steps, {} ends{}\n", one.name, seed,
                       report.states, report.steps, report.ends,
                       report.complete             ? ""
                       : report.complaints.empty() ? ", cut off by --states"
                                                   : "");
            std::fflush(stdout);
            sound = sound && report.complete;
            if (report.complaints.empty()) { continue; }
            for (const auto& complaint : report.complaints) { fmt::print("  {}\n", complaint); }
            fmt::print("  after:{}\n", report.how);
        }
    }
    fmt::print("{} states in all\n", states);
    return sound;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Plays IKE peers against each other over a bad network in virtual time."};
    std::uint64_t seeds = 100;
    std::uint64_t first = 1;
    std::string only;
    bool verbose = false;
    app.add_option("--seeds", seeds, "runs a world")->capture_default_str();
    app.add_option("--first", first, "the first seed")->capture_default_str();
    app.add_option("--world", only, "this world only");
    app.add_flag("--verbose", verbose, "print every event");
    std::string walk;
    culvert::sim::WalkLimits limits;
    app.add_option("--walk", walk,
                   "in place of seeds: every order of messages of this case of two peers that "
                   "rekey and delete at once; all: of every case");
    app.add_option("--losses", limits.losses, "of a walk")->capture_default_str();
    app.add_option("--duplicates", limits.duplicates, "of a walk")->capture_default_str();
    app.add_option("--waits", limits.waits, "of a walk: for timers")->capture_default_str();
    app.add_option("--states", limits.states_max, "of a walk, at most a case")
        ->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    if (!walk.empty()) {
        return walk_all(walk, limits, first, app.count("--seeds") == 0 ? 2 : seeds) ? 0 : 1;
    }
    if (!only.empty() && culvert::sim::find_world(only) == nullptr) {
        fmt::print(stderr, "culvert-sim: there is no world '{}'. There are:\n", only);
        for (const auto& world : culvert::sim::worlds()) {
            fmt::print(stderr, "  {:<14} {}\n", world.name, world.about);
        }
        return 2;
    }
    bool sound = true;
    for (const auto& world : culvert::sim::worlds()) {
        if (only.empty() || world.name == only) {
            sound = play_seeds(world, first, seeds, verbose) && sound;
        }
    }
    return sound ? 0 : 1;
}
