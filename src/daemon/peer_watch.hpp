#pragma once
// Peers over time, from the engine's events: one that is lost and comes back again and again, two
// that use one identity in turn, and a NAT on the way to one that cannot traverse it.

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "daemon/finding.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

class PeerWatch {
 public:
    std::vector<Finding> on_event(const ike::Event& event, Instant now);

 private:
    using Key = std::pair<std::string, std::string>;  // connection, the peer's identity
    struct Loss {
        Instant at{};
        bool dead = false;  // else the peer ended it
    };
    struct Takeover {
        Instant at{};
        IpAddress from;
        IpAddress to;
    };
    struct Known {
        std::list<Key>::iterator place;
        std::map<std::uint32_t, IpAddress> standing;  // IKE SAs by unique id
        std::vector<Loss> losses;
        std::vector<Takeover> takeovers;
    };

    Known& known(const ike::IkeSaStatus& sa, Instant now);
    std::optional<Finding> went_down(const ike::IkeSaStatus& sa, Known& peer, Instant now);
    static std::optional<Finding> flapping(const ike::IkeSaStatus& sa, Known& peer, Instant now);
    static std::optional<Finding> takeover(const ike::IkeSaStatus& sa, const IpAddress& to,
                                           Known& peer, Instant now);

    std::map<Key, Known> peers_;
    std::list<Key> newest_last_;              // in the order in which something happened to them
    std::optional<std::uint32_t> dead_;       // the IKE SA whose peer has just died
    std::optional<std::uint32_t> forgotten_;  // or that its peer has just shown to know no more
    std::set<Key> told_nat_;
};

}  // namespace culvert::daemon
