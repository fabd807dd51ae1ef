#pragma once
// What became of handshakes, requests and peers since the start, counted from the same events that
// the log and `monitor` render. Unlike get-counters nobody resets them: metrics only go up.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

#include "ike/engine.hpp"
#include "vici/message.hpp"

namespace culvert::daemon {

class EventCounters {
 public:
    void on_event(const ike::Event& event);
    // handshakes { established, and one a code of failure }, child-failures { one a code },
    // handshake-us { how many took no longer than so many microseconds, inf, sum },
    // retransmissions, dead-peers.
    vici::Section to_section() const;

 private:
    using ByOutcome =
        std::map<std::string_view, std::uint64_t>;  // names of codes: they live for ever

    void established(Duration took);
    void failed(const ike::Event& event);

    static constexpr std::array<std::uint64_t, 12> bounds_us{
        5'000,   10'000,    25'000,    50'000,    100'000,    250'000,
        500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000};

    ByOutcome handshakes_{{"established", 0}};
    ByOutcome child_failures_;
    std::array<std::uint64_t, bounds_us.size()>
        within_{};  // each counts those of the lower bounds too
    std::uint64_t count_ = 0;
    std::uint64_t sum_us_ = 0;
    std::uint64_t retransmissions_ = 0;
    std::uint64_t dead_peers_ = 0;
    std::optional<std::uint32_t> dead_ike_id_;  // whose end has been counted
};

}  // namespace culvert::daemon
