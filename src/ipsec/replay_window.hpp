#pragma once
// Anti-replay (RFC 4303 3.4.3, RFC 6479) over 64-bit sequence numbers; 32-bit ones are those with a
// high word of zero. Tests may come from any thread; accept() from one at a time.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace culvert::ipsec {

class ReplayWindow {
 public:
    // `size` packets, 0..replay_window_max; 0 refuses nothing. `highest` as after that packet.
    ReplayWindow(std::uint32_t size, bool esn, std::uint64_t highest = 0);

    // The whole number that a packet's low word stands for (RFC 4303 A2.2). Nothing: it would lie
    // before the first or behind the last number.
    std::optional<std::uint64_t> extend(std::uint32_t low) const {
        if (!esn_) { return low; }
        return extend_esn(low);
    }
    // The same for the packet path, where an optional that goes through memory would be waited for.
    bool extend(std::uint32_t low, std::uint64_t& whole) const {
        whole = low;
        if (!esn_) { return true; }
        const auto extended = extend_esn(low);
        whole = extended.value_or(0);
        return extended.has_value();
    }
    // Would accept() take it? A guess while others accept.
    bool fresh(std::uint64_t sequence) const {
        return sequence > highest() || fresh_within(sequence);
    }
    // Takes a number that the ICV has proved. False: seen before, or left of the window.
    bool accept(std::uint64_t sequence);

    std::uint64_t highest() const { return highest_.load(std::memory_order_relaxed); }

 private:
    std::optional<std::uint64_t> extend_esn(std::uint32_t low) const;
    // Of numbers up to the highest.
    bool fresh_within(std::uint64_t sequence) const;
    bool marked(std::uint64_t sequence) const;

    std::uint32_t size_;
    bool esn_;
    std::uint32_t word_mask_ = 0;  // words are a power of two, one more than the window covers
    std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
    std::atomic<std::uint64_t> highest_;
};

}  // namespace culvert::ipsec
