#include "base/random.hpp"

#include <array>

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert {
namespace {

TEST(Random, ReadsItsOctetsAsBigEndianNumbers) {
    test::ScriptedRandom random{{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 9}};
    EXPECT_EQ(random.u64(), 0x0102030405060708U);
    EXPECT_EQ(random.u32(), 0x01020304U);
    EXPECT_EQ(random.bytes(1), Bytes{9});
    EXPECT_EQ(random.bytes(0), Bytes{});
}

TEST(Random, BelowIsBelowAndEven) {
    test::SeededRandom random{1};
    std::array<int, 7> seen{};
    for (int i = 0; i < 70'000; ++i) { ++seen.at(random.below(seen.size())); }
    for (const int count : seen) {
        EXPECT_GT(count, 9'500);  // five standard deviations and more
        EXPECT_LT(count, 10'500);
    }
    for (int i = 0; i < 10; ++i) { EXPECT_EQ(random.below(1), 0U); }
    EXPECT_LT(random.below(~std::uint64_t{0}), ~std::uint64_t{0});
}

// The short last stretch would favour small remainders; it is drawn again.
TEST(Random, BelowRefusesTheShortLastStretch) {
    Bytes octets(8, 0xff);
    append(octets, Bytes{0, 0, 0, 0, 0, 0, 0, 4});
    test::ScriptedRandom random{octets};
    EXPECT_EQ(random.below(10), 4U);
    EXPECT_EQ(random.left(), 0U);
}

TEST(SeededRandom, RepeatsItselfForOneSeedOnly) {
    test::SeededRandom a{5};
    test::SeededRandom b{5};
    test::SeededRandom c{6};
    const Bytes first = a.bytes(100);
    EXPECT_EQ(first, b.bytes(100));
    EXPECT_NE(first, c.bytes(100));
    EXPECT_NE(first, a.bytes(100));
}

// Seeds in bug reports must mean the same on every machine and in every version.
TEST(SeededRandom, NeverChanges) {
    test::SeededRandom random{1};
    EXPECT_EQ(to_hex(random.bytes(16)), "c510c70f6daff2b3ea4c364796553b85");
}

}  // namespace
}  // namespace culvert
