// culvert-sim: the simulator as a program. Exit 0: all runs were sound; 1: a run was not, its seed
// is printed; 2: usage.

#include <cstdint>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "sim/simulation.hpp"

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
    CLI11_PARSE(app, argc, argv);
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
