#include "ipsec/replay_window.hpp"

#include <algorithm>
#include <bit>

#include "ipsec/limits.hpp"

namespace culvert::ipsec {
namespace {

constexpr auto relaxed = std::memory_order_relaxed;
// Without a window the high word is that of the number closest to the highest one.
constexpr std::uint64_t unlimited_window = std::uint64_t{1} << 31U;

}  // namespace

ReplayWindow::ReplayWindow(std::uint32_t size, bool esn, std::uint64_t highest)
    : size_(std::min(size, replay_window_max)), esn_(esn), highest_(highest) {
    if (size_ == 0) { return; }
    const std::uint32_t words = std::bit_ceil((size_ + 63) / 64 + 1);
    word_mask_ = words - 1;
    words_ = std::make_unique<std::atomic<std::uint64_t>[]>(words);
}

std::optional<std::uint64_t> ReplayWindow::extend_esn(std::uint32_t low) const {
    const std::uint64_t window = size_ == 0 ? unlimited_window : size_;
    const std::uint64_t top = highest();
    const auto top_low = static_cast<std::uint32_t>(top);
    std::uint64_t high = top >> 32U;
    // The window's bottom, top - window + 1, decides: what is below it by its low word belongs to
    // the next subspace if the window lies in one (case A), and what is above it to the one before
    // if the window spans two (case B).
    const auto bottom = static_cast<std::uint32_t>(top_low - window + 1);
    if (top_low >= window - 1) {
        if (low < bottom) {
            if (high == 0xffffffffU) { return std::nullopt; }
            ++high;
        }
    } else if (low >= bottom) {
        if (high == 0) { return std::nullopt; }
        --high;
    }
    return high << 32U | low;
}

bool ReplayWindow::marked(std::uint64_t sequence) const {
    const std::uint64_t word = words_[sequence / 64 & word_mask_].load(relaxed);
    return (word >> (sequence % 64) & 1U) != 0;
}

bool ReplayWindow::fresh_within(std::uint64_t sequence) const {
    if (size_ == 0) { return true; }
    if (sequence == 0) { return false; }  // the first is 1 (RFC 4303 3.3.3)
    const std::uint64_t top = highest();
    return top - sequence < size_ && !marked(sequence);
}

bool ReplayWindow::accept(std::uint64_t sequence) {
    const std::uint64_t top = highest();
    if (size_ == 0) {
        if (sequence > top) { highest_.store(sequence, relaxed); }
        return true;
    }
    if (!fresh(sequence)) { return false; }
    if (sequence > top) {
        // Words that the window moves into hold marks of long ago.
        const std::uint64_t moved =
            std::min<std::uint64_t>(sequence / 64 - top / 64, std::uint64_t{word_mask_} + 1);
        for (std::uint64_t i = 1; i <= moved; ++i) {
            words_[(top / 64 + i) & word_mask_].store(0, relaxed);
        }
        highest_.store(sequence, relaxed);
    }
    std::atomic<std::uint64_t>& word = words_[sequence / 64 & word_mask_];
    word.store(word.load(relaxed) | std::uint64_t{1} << (sequence % 64), relaxed);
    return true;
}

}  // namespace culvert::ipsec
