#pragma once
// The last that was said with each peer: every exchange and change of state, whatever the log's
// levels. Nobody sees it unless something fails; then it is the story before the failure.

#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.hpp"
#include "base/ip.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

class FlightRecorder {
 public:
    // What came before one failure, oldest first; a line begins with how long before it was.
    struct Story {
        Instant at{};
        Endpoint remote;
        std::string failure;  // explain() of its error
        std::vector<std::string> lines;
        bool of_stranger = false;
    };

    // A failure gives its story, which is told once: the next one begins behind it.
    std::optional<Story> add(const ike::Event& event, Instant now);
    // That of a failure that the engine keeps; null: it has been forgotten.
    const Story* story_of(const ike::Failure& failure) const;

    std::size_t peers() const { return tapes_.size(); }
    bool has(const IpAddress& peer) const { return tapes_.contains(peer); }

 private:
    struct Line {
        Instant at{};
        std::string text;
    };
    struct Tape {
        std::deque<Line> lines;
        bool known = false;  // something of it was no stranger's
        std::list<IpAddress>::iterator used;
    };
    Tape& tape_of(const IpAddress& peer, bool known);
    void keep_at_most(std::list<IpAddress>& order, std::size_t most);
    void keep(const Story& story);

    std::map<IpAddress, Tape> tapes_;
    // The one that was used last is in front. Apart: strangers push out nobody but strangers.
    std::list<IpAddress> known_;
    std::list<IpAddress> strangers_;
    std::deque<Story> stories_;  // the newest in front
};

}  // namespace culvert::daemon
