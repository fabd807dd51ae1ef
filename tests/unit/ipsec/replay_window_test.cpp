// Anti-replay against a plain set of numbers: sizes 0..8192, ESN and its edges (RFC 4303 3.4.3,
// A2).

#include "ipsec/replay_window.hpp"

#include <array>
#include <set>

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

// What the RFC says, in the plainest words: every number ever taken, and the highest of them.
class Model {
 public:
    Model(std::uint32_t size, std::uint64_t highest) : size_(size), highest_(highest) {}
    bool accept(std::uint64_t sequence) {
        if (size_ != 0) {
            if (sequence == 0 || seen_.contains(sequence)) { return false; }
            if (sequence <= highest_ && highest_ - sequence >= size_) { return false; }
            seen_.insert(sequence);
        }
        if (sequence > highest_) { highest_ = sequence; }
        return true;
    }
    std::uint64_t highest() const { return highest_; }

 private:
    std::uint32_t size_;
    std::uint64_t highest_;
    std::set<std::uint64_t> seen_;
};

constexpr std::array<std::uint32_t, 14> sizes{0,  1,   2,   31,   32,   63,   64,
                                              65, 127, 128, 1024, 1025, 4096, 8192};
constexpr std::uint64_t edge = std::uint64_t{1} << 32U;

std::uint64_t near(culvert::test::SeededRandom& random, std::uint64_t highest, std::uint32_t size) {
    const std::uint64_t reach = size + 80;
    switch (random.below(8)) {
        case 0: return highest + 1;
        case 1: return highest + 1 + random.below(200);
        case 2: return highest + 1 + random.below(20'000);
        case 3: return highest > size ? highest - size : 0;       // just outside
        case 4: return highest >= size ? highest - size + 1 : 1;  // just inside
        default: {
            const std::uint64_t back = random.below(reach);
            return highest > back ? highest - back : 0;
        }
    }
}

TEST(ReplayWindow, agrees_with_a_plain_set_for_every_size_and_around_every_edge) {
    for (const std::uint32_t size : sizes) {
        for (const std::uint64_t start : {std::uint64_t{0}, edge - 100, edge - 1, edge,
                                          edge * 7 - 5000, UINT64_MAX - 40'000'000}) {
            culvert::test::SeededRandom random{size + start};
            ReplayWindow window{size, true, start};
            Model model{size, start};
            // What the window's words hold of before the start is unknown to both: begin past it.
            ASSERT_TRUE(window.accept(start + 1));
            ASSERT_TRUE(model.accept(start + 1));
            for (int i = 0; i < 1200; ++i) {
                const std::uint64_t sequence = near(random, model.highest(), size);
                const bool wanted = model.accept(sequence);
                ASSERT_EQ(window.fresh(sequence), wanted)
                    << "size " << size << " sequence " << sequence;
                ASSERT_EQ(window.accept(sequence), wanted)
                    << "size " << size << " sequence " << sequence;
                ASSERT_EQ(window.highest(), model.highest());
            }
        }
    }
}

// RFC 4303 A2.2: the receiver sees the low word only.
TEST(ReplayWindow, finds_the_high_word_again_within_the_window_and_ahead_of_it) {
    for (const std::uint32_t size : sizes) {
        for (const std::uint64_t top : {std::uint64_t{1}, std::uint64_t{5000}, edge - 3000,
                                        edge - 1, edge, edge + 1, edge + 3000, edge * 9 + 17}) {
            const ReplayWindow window{size, true, top};
            const std::uint64_t back = size == 0 ? 100 : size - 1;
            for (const std::uint64_t sequence :
                 {top, top + 1, top + 1000, top + (edge >> 1U) - 1, top > back ? top - back : 1,
                  top > back / 2 ? top - back / 2 : 1}) {
                const auto found = window.extend(static_cast<std::uint32_t>(sequence));
                ASSERT_TRUE(found);
                EXPECT_EQ(*found, sequence) << "size " << size << " top " << top;
            }
        }
    }
}

TEST(ReplayWindow, nothing_lies_before_the_first_subspace_or_behind_the_last) {
    const ReplayWindow young{64, true, 10};
    // Far left of a window that spans the start: would be of a subspace before the first.
    EXPECT_FALSE(young.extend(0xffffffffU - 20));
    const ReplayWindow old{64, true, UINT64_MAX - 10};
    EXPECT_FALSE(old.extend(5));
}

TEST(ReplayWindow, without_esn_numbers_stay_in_32_bits) {
    const ReplayWindow window{64, false, 0xfffffff0U};
    EXPECT_EQ(window.extend(5), 5U);
    EXPECT_FALSE(window.fresh(5));
}

// Abuse V-01.
TEST(ReplayWindow, V_01_each_number_is_taken_once) {
    ReplayWindow window{1024, true, 0};
    EXPECT_FALSE(window.accept(0));
    EXPECT_TRUE(window.accept(1));
    EXPECT_FALSE(window.accept(1));
    const std::uint64_t jump = std::uint64_t{1} << 31U;
    EXPECT_TRUE(window.accept(jump));
    EXPECT_FALSE(window.accept(2));            // left of the window now
    EXPECT_TRUE(window.accept(jump - 1023));   // its last place
    EXPECT_FALSE(window.accept(jump - 1024));  // one beyond
    EXPECT_TRUE(window.accept(edge - 1));
    EXPECT_TRUE(window.accept(edge + 1));
    EXPECT_TRUE(window.accept(edge));
    EXPECT_FALSE(window.accept(edge));
    EXPECT_FALSE(window.accept(edge - 1));
}

}  // namespace
}  // namespace culvert::ipsec
