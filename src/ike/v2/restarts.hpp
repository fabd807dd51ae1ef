#pragma once
// Children to bring up again after their peer was lost or closed them: not all at once, and the
// later the oftener it happens (dpd_action, close_action).

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.hpp"
#include "base/random.hpp"

namespace culvert::ike::v2 {

class RestartBook {
 public:
    struct Restart {
        std::string connection;
        std::string child;
    };
    struct Plan {
        Instant at;
        unsigned losses = 0;  // of this connection lately, this one included
    };

    // One loss of the connection: when its children come up again. The first time soon, by chance
    // within restart_spread, so that a gateway that comes back is not met by all its peers at once.
    Plan lost(const std::string& connection, Instant now, Random& random);
    // Not twice the same.
    void add(Restart restart, Instant at);
    std::vector<Restart> take_due(Instant now);
    std::optional<Instant> next() const;
    std::size_t size() const { return waiting_.size(); }

 private:
    struct Losses {
        unsigned count = 0;
        Instant last;
    };
    std::multimap<Instant, Restart> waiting_;
    std::map<std::string, Losses> losses_;
};

}  // namespace culvert::ike::v2
