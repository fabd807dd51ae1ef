#pragma once
// The last failures of each peer, newest first, bounded: what `culvert diagnose` shows.

#include <deque>
#include <map>
#include <vector>

#include "ike/status.hpp"

namespace culvert::ike::v2 {

class FailureHistory {
 public:
    void add(Failure failure);
    std::vector<Failure> newest_first() const;

 private:
    void forget_oldest_peer();

    std::map<IpAddress, std::deque<Failure>> peers_;  // each newest first
};

}  // namespace culvert::ike::v2
