#pragma once
// SPIs of ours that a peer may use before we have the IKE SA: we named them in a rekey whose answer
// is under way (RFC 7296 2.8). What comes for them early is no sign of a loss (RFC 6290 9.2).

#include <deque>
#include <unordered_set>
#include <utility>

#include "base/instant.hpp"
#include "ike/v2/limits.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike::v2 {

class PromisedSpis {
 public:
    void add(IkeSpi spi, Instant now) {
        while (!in_order_.empty() && in_order_.front().first + promised_spi_kept <= now) {
            known_.erase(in_order_.front().second);
            in_order_.pop_front();
        }
        if (known_.insert(spi).second) { in_order_.emplace_back(now, spi); }
    }
    // Some that are longer ago may still be there: they are nobody's.
    bool has(IkeSpi spi) const { return known_.contains(spi); }

 private:
    std::deque<std::pair<Instant, IkeSpi>> in_order_;
    std::unordered_set<IkeSpi> known_;
};

}  // namespace culvert::ike::v2
