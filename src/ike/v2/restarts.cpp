#include "ike/v2/restarts.hpp"

#include <algorithm>
#include <utility>

#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

RestartBook::Plan RestartBook::lost(const std::string& connection, Instant now, Random& random) {
    if (losses_.size() >= restart_connections_max) { losses_.clear(); }
    Losses& losses = losses_[connection];
    if (losses.count > 0 && now - losses.last > restart_window) { losses = {}; }
    losses.last = now;
    ++losses.count;
    const unsigned doublings = std::min(losses.count - 1, restart_doublings_max);
    const milliseconds spread = restart_spread * (1U << doublings);
    // From half of it on: a wait that chance makes short is no back-off.
    const milliseconds least = doublings == 0 ? milliseconds{0} : spread / 2;
    const auto more = random.below(static_cast<std::uint64_t>((spread - least).count()) + 1);
    return {.at = now + least + milliseconds{static_cast<std::int64_t>(more)},
            .losses = losses.count};
}

void RestartBook::add(Restart restart, Instant at) {
    const bool known = std::ranges::any_of(waiting_, [&](const auto& entry) {
        return entry.second.connection == restart.connection && entry.second.child == restart.child;
    });
    if (known || waiting_.size() >= restarts_max) { return; }
    waiting_.emplace(at, std::move(restart));
}

std::vector<RestartBook::Restart> RestartBook::take_due(Instant now) {
    std::vector<Restart> due;
    while (!waiting_.empty() && waiting_.begin()->first <= now) {
        due.push_back(std::move(waiting_.begin()->second));
        waiting_.erase(waiting_.begin());
    }
    return due;
}

std::optional<Instant> RestartBook::next() const {
    if (waiting_.empty()) { return std::nullopt; }
    return waiting_.begin()->first;
}

}  // namespace culvert::ike::v2
