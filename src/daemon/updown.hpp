#pragma once
// Runs the updown scripts of Child SAs: one at a time, without a shell, with a time limit. Main
// thread only.

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "daemon/log.hpp"
#include "daemon/loop.hpp"
#include "daemon/updown_environment.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

class Updown {
 public:
    // Name servers that a connection's peer gave us.
    using NameServersOf = std::function<std::vector<IpAddress>(const std::string& connection)>;

    Updown(Loop& loop, Log& log, NameServersOf name_servers);
    Updown(const Updown&) = delete;
    Updown& operator=(const Updown&) = delete;
    Updown(Updown&&) = delete;
    Updown& operator=(Updown&&) = delete;
    // Ends what still runs.
    ~Updown();

    // child_up and child_down; a rekey is neither.
    void on_event(const ike::Event& event, const ike::Config& config);

 private:
    struct Run {
        std::string command;
        Environment environment;
    };

    void queue(Run run);
    void start_next();
    void look();
    void kill_group() const;

    Log& log_;
    NameServersOf name_servers_;
    // What was run for up, so that down is told the same, whatever the configuration says by then.
    // Keyed by the IKE SA's unique id and the child's name; a child may stand more than once.
    using Key = std::pair<std::uint32_t, std::string>;
    std::multimap<Key, std::vector<Run>> up_;
    std::deque<Run> waiting_;
    std::string running_;  // its command
    pid_t pid_ = 0;        // 0: none runs
    Instant deadline_{};
    Timer timer_;
};

}  // namespace culvert::daemon
