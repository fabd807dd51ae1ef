#include "ike/v2/failure_history.hpp"

#include <algorithm>
#include <utility>

#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

void FailureHistory::add(Failure failure) {
    const IpAddress peer = failure.remote.address;
    if (!peers_.contains(peer) && peers_.size() >= failure_peers_max) { forget_oldest_peer(); }
    std::deque<Failure>& list = peers_[peer];
    list.push_front(std::move(failure));
    if (list.size() > failures_per_peer_max) { list.pop_back(); }
}

std::vector<Failure> FailureHistory::newest_first() const {
    std::vector<Failure> all;
    for (const auto& [peer, list] : peers_) { all.insert(all.end(), list.begin(), list.end()); }
    std::ranges::stable_sort(all, [](const Failure& a, const Failure& b) { return a.at > b.at; });
    return all;
}

void FailureHistory::forget_oldest_peer() {
    const auto oldest = std::ranges::min_element(peers_, [](const auto& a, const auto& b) {
        return a.second.front().at < b.second.front().at;
    });
    if (oldest != peers_.end()) { peers_.erase(oldest); }
}

}  // namespace culvert::ike::v2
