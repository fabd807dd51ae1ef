#include "ike/v2/deadlines.hpp"

#include <algorithm>
#include <functional>

namespace culvert::ike::v2 {

namespace {

constexpr std::size_t stale_anyway = 64;  // not worth making the queue anew

}  // namespace

void Deadlines::push(Entry entry) {
    queue_.push_back(entry);
    std::ranges::push_heap(queue_, std::greater{});
}

bool Deadlines::is_right(const Entry& entry) const {
    const auto found = wanted_.find(entry.second);
    return found != wanted_.end() && found->second.queued == entry.first &&
           found->second.at == entry.first;
}

void Deadlines::set(IkeSpi spi, std::optional<Instant> when) {
    if (!when) {
        if (wanted_.erase(spi) != 0) { settle(); }
        return;
    }
    const auto [found, fresh] = wanted_.try_emplace(spi, Wanted{*when, *when});
    Wanted& wanted = found->second;
    if (!fresh && wanted.at == *when) { return; }
    wanted.at = *when;
    if (fresh || *when < wanted.queued) {
        wanted.queued = *when;
        push({*when, spi});
    }
    settle();
}

void Deadlines::settle() {
    while (!queue_.empty() && !is_right(queue_.front())) {
        std::ranges::pop_heap(queue_, std::greater{});
        const Entry entry = queue_.back();
        queue_.pop_back();
        const auto found = wanted_.find(entry.second);
        if (found == wanted_.end() || found->second.queued != entry.first) { continue; }
        found->second.queued = found->second.at;
        push({found->second.at, entry.second});
    }
    if (queue_.size() <= 2 * wanted_.size() + stale_anyway) { return; }
    queue_.clear();
    for (auto& [spi, wanted] : wanted_) {
        wanted.queued = wanted.at;
        queue_.emplace_back(wanted.at, spi);
    }
    std::ranges::make_heap(queue_, std::greater{});
}

std::optional<Instant> Deadlines::next() const {
    if (queue_.empty()) { return std::nullopt; }
    return queue_.front().first;
}

std::vector<IkeSpi> Deadlines::due(Instant now) const {
    std::vector<Entry> found;
    std::vector<std::size_t> to_look_at{0};
    while (!to_look_at.empty()) {
        const std::size_t at = to_look_at.back();
        to_look_at.pop_back();
        if (at >= queue_.size() || queue_[at].first > now) { continue; }
        const auto wanted = wanted_.find(queue_[at].second);
        if (wanted != wanted_.end() && wanted->second.at <= now) {
            found.emplace_back(wanted->second.at, wanted->first);
        }
        to_look_at.push_back(2 * at + 1);
        to_look_at.push_back(2 * at + 2);
    }
    std::ranges::sort(found);
    const auto [end, unused] = std::ranges::unique(found);
    std::vector<IkeSpi> out;
    std::for_each(found.begin(), end, [&](const Entry& entry) { out.push_back(entry.second); });
    return out;
}

}  // namespace culvert::ike::v2
