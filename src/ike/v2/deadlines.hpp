#pragma once
// When each IKE SA wants to be woken. A deadline mostly moves back before it comes, so one that
// moved stays in the queue where it was, and goes where it belongs when it has come to the front.

#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/instant.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike::v2 {

class Deadlines {
 public:
    // Nothing: not any more.
    void set(IkeSpi spi, std::optional<Instant> when);
    // The first of all.
    std::optional<Instant> next() const;
    // Whose has come, in the order of their deadlines; they keep them until they are set anew.
    std::vector<IkeSpi> due(Instant now) const;

    std::size_t size() const { return wanted_.size(); }
    // How much is kept for them: no more than twice as many, and some.
    std::size_t queued() const { return queue_.size(); }

 private:
    using Entry = std::pair<Instant, IkeSpi>;
    struct Wanted {
        Instant at;
        Instant queued;  // where it stands in the queue; never later than `at`
    };
    void push(Entry entry);
    // Afterwards the queue's first entry is right.
    void settle();
    bool is_right(const Entry& entry) const;

    std::unordered_map<IkeSpi, Wanted> wanted_;
    std::vector<Entry> queue_;  // a heap, the earliest first
};

}  // namespace culvert::ike::v2
