#pragma once
// Says of most keys that are not in a RuleTable that they are not, from memory that is near: two
// bits of a word for each key. Not for others than the classifier.
//
// One owner adds keys; any number may ask meanwhile. Whoever knows of a key that was added is told
// that it may be there; what was added after that, or is gone, only makes a filter say so in vain.

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace culvert::ipsec {

class RuleFilter {
 public:
    // For some more than so many keys.
    explicit RuleFilter(std::size_t keys)
        : words_(std::bit_ceil(keys / keys_of_new_word + 1)), mask_(words_.size() - 1) {}

    // With so many keys it is wrong one time in twenty, with more of them more often.
    std::size_t room() const { return words_.size() * keys_of_word; }
    // Hashes are well mixed.
    void add(std::uint64_t hash) {
        words_[place(hash)].fetch_or(
            std::uint64_t{1} << first(hash) | std::uint64_t{1} << second(hash),
            std::memory_order_relaxed);
    }
    // 0 or 1.
    unsigned may_have(std::uint64_t hash) const {
        const std::uint64_t word = words_.data()[place(hash)].load(std::memory_order_relaxed);
        return static_cast<unsigned>(word >> first(hash) & word >> second(hash) & 1U);
    }

 private:
    static constexpr std::size_t keys_of_new_word = 6;
    static constexpr std::size_t keys_of_word = 8;

    std::size_t place(std::uint64_t hash) const { return hash >> 40U & mask_; }
    static unsigned first(std::uint64_t hash) { return hash >> 22U & 63U; }
    static unsigned second(std::uint64_t hash) { return hash >> 28U & 63U; }

    std::vector<std::atomic<std::uint64_t>> words_;
    std::size_t mask_;
};

}  // namespace culvert::ipsec
