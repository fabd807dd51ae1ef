#pragma once
// Virtual time: what is to happen, in order of when. Equal times happen in the order they were
// asked for.

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "base/instant.hpp"

namespace culvert::sim {

class Schedule {
 public:
    Instant now() const { return now_; }

    void at(Instant when, std::function<void()> what) {
        events_.emplace(std::pair{std::max(when, now_), ++count_}, std::move(what));
    }
    void after(Duration wait, std::function<void()> what) { at(now_ + wait, std::move(what)); }

    std::optional<Instant> next() const {
        return events_.empty() ? std::nullopt : std::optional{events_.begin()->first.first};
    }

    // Runs all that is due up to `end`, and leaves the clock there.
    void run_until(Instant end) {
        while (!events_.empty() && events_.begin()->first.first <= end) {
            auto next = events_.extract(events_.begin());
            now_ = next.key().first;
            next.mapped()();
        }
        now_ = end;
    }

 private:
    // An hour since boot, so that "before" exists.
    Instant now_{std::chrono::hours{1}};
    std::uint64_t count_ = 0;
    std::map<std::pair<Instant, std::uint64_t>, std::function<void()>> events_;
};

}  // namespace culvert::sim
