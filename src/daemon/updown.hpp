#pragma once
// Runs the updown scripts of Child SAs. Main thread only.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "daemon/program_queue.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

class Updown {
 public:
    // Name servers that a connection's peer gave us.
    using NameServersOf = std::function<std::vector<IpAddress>(const std::string& connection)>;

    Updown(Loop& loop, Log& log, NameServersOf name_servers);

    // child_up and child_down; a rekey is neither, and that of an IKE SA changes whose child it is.
    void on_event(const ike::Event& event, const ike::Config& config);
    // Once the loop has ended: what is yet to run, until then at most.
    void finish(Instant until) { queue_.finish(until); }

 private:
    void hand_over(std::uint32_t old_ike, std::uint32_t new_ike);

    NameServersOf name_servers_;
    // What was run for up, so that down is told the same, whatever the configuration says by then.
    // Keyed by the IKE SA's unique id and the child's name; a child may stand more than once, each
    // time with selectors of its own (some peers make an SA for each pair of subnets).
    using Key = std::pair<std::uint32_t, std::string>;
    struct Up {
        TrafficSelectors local_ts;
        TrafficSelectors remote_ts;
        std::vector<Program> runs;
    };
    using Ups = std::multimap<Key, Up>;
    Ups::iterator up_of(const Key& key, const ike::Event& event);
    Ups up_;
    ProgramQueue queue_;
};

}  // namespace culvert::daemon
