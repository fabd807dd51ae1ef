#pragma once
// A Child SA's counters over time: packets that leave and none that comes back (ESP blocked), and
// a path on which the large ones are lost (an MTU black hole). Each told once an SA.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/finding.hpp"
#include "ipsec_types/policy.hpp"

namespace culvert::daemon {

class ChildWatch {
 public:
    struct About {
        std::string connection;
        std::string child;
        Endpoint remote;
        bool udp_encap = false;
        bool tcp = false;
        std::string more_to_do;  // for the remedy, where nothing comes back; may be empty
    };
    // Asked only when there is something to tell: there may be very many watches.
    using WhatIsIt = std::function<About()>;

    // About once a second.
    std::vector<Finding> look(const ChildSaCounters& counters, Instant now,
                              const WhatIsIt& what_is_it);

 private:
    std::optional<Finding> silence(const ChildSaCounters& counters, Instant now,
                                   const WhatIsIt& what_is_it);
    std::optional<Finding> black_hole(const ChildSaCounters& counters, Instant now,
                                      const WhatIsIt& what_is_it);

    struct Window {
        Instant began{};
        std::uint64_t arrived = 0;
        std::uint64_t sent = 0;
    };

    Instant sending_since_{};  // with nothing coming back; zero: it does not
    std::uint64_t inbound_before_ = 0;
    std::uint64_t outbound_before_ = 0;  // when the last one came in
    bool told_silence_ = false;
    std::optional<Window> window_;
    bool told_black_hole_ = false;
};

}  // namespace culvert::daemon
