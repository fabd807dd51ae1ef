#pragma once
// Not sampling but all of it: two peers with one tunnel, each of which does something at a moment
// of its own, and every order in which their messages arrive, are lost and come twice. An engine
// does the same whenever it sees the same, so that a state is what both have seen, what is under
// way and what is still allowed to happen; each is entered once.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/simulation.hpp"

namespace culvert::sim {

struct WalkLimits {
    unsigned losses = 1;
    unsigned duplicates = 1;  // or messages that arrive after they were sent once more
    unsigned waits = 4;       // times that nothing is under way and a timer has to help
    std::uint64_t states_max = 1'000'000;
};

struct Deed {
    std::size_t who = 0;
    void (*what)(Peer& peer, const std::string& connection) = nullptr;
};

// How many there are at each end when all has come to rest.
struct Range {
    std::size_t least = 0;
    std::size_t most = 0;
    bool holds(std::size_t value) const { return value >= least && value <= most; }
};

struct WalkCase {
    std::string_view name;
    std::vector<Deed> deeds;
    Range ike{1, 1};
    Range net{1, 1};
    Range second{0, 0};
};
const std::vector<WalkCase>& walk_cases();

struct WalkReport {
    std::uint64_t states = 0;  // different ones
    std::uint64_t steps = 0;   // ways into them
    std::uint64_t ends = 0;    // runs to the end, each checked
    bool complete = false;     // not cut off by states_max
    Tally tally;
    Complaints complaints;  // of the first run that was not sound
    std::string how;        // its steps
};

// The nonces decide who wins a collision, and the seed decides the nonces.
WalkReport walk(const WalkCase& one, std::uint64_t seed, const WalkLimits& limits);

}  // namespace culvert::sim
