#pragma once
// SPD and SAD as the workers see them: an immutable snapshot, replaced whole. A worker looks at one
// atomic number a batch and takes the lock only when it has changed.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "ipsec/sad.hpp"
#include "ipsec/spd.hpp"

namespace culvert::plane {

struct Tables {
    std::uint64_t generation = 0;  // names this snapshot; never 0
    std::shared_ptr<const ipsec::Spd> spd;
    ipsec::Sad sad;
};

class PublishedTables {
 public:
    // One writer at a time (the plane's lock).
    void publish(std::shared_ptr<const ipsec::Spd> spd, ipsec::Sad sad) {
        auto next = std::make_shared<Tables>();
        next->generation = generation_.load(std::memory_order_relaxed) + 1;
        next->spd = std::move(spd);
        next->sad = std::move(sad);
        const std::uint64_t generation = next->generation;
        {
            const std::scoped_lock lock{mutex_};
            current_ = std::move(next);
        }
        generation_.store(generation, std::memory_order_release);
    }

    // A worker's hold on a snapshot. What it points to stays until the next look().
    class View {
     public:
        explicit View(const PublishedTables& from) : from_(from) {}
        // The newest snapshot.
        const Tables& look() {
            if (held_ == nullptr ||
                held_->generation != from_.generation_.load(std::memory_order_acquire)) {
                const std::scoped_lock lock{from_.mutex_};
                held_ = from_.current_;
            }
            return *held_;
        }

     private:
        const PublishedTables& from_;
        std::shared_ptr<const Tables> held_;
    };

 private:
    std::atomic<std::uint64_t> generation_ = 0;
    mutable std::mutex mutex_;
    std::shared_ptr<const Tables> current_;
};

}  // namespace culvert::plane
