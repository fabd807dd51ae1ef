#include "crypto/random.hpp"

#include <array>
#include <set>

#include <gtest/gtest.h>

namespace culvert::crypto {
namespace {

TEST(SystemRandom, FillsAllAndNeverRepeats) {
    SystemRandom random;
    std::set<Bytes> seen;
    for (int i = 0; i < 1000; ++i) { EXPECT_TRUE(seen.insert(random.bytes(16)).second); }
    // Each octet of a longer draw takes more than one value in 64 draws.
    Bytes different(300, 0);
    const Bytes first = random.bytes(different.size());
    for (int i = 0; i < 64; ++i) {
        const Bytes other = random.bytes(different.size());
        for (std::size_t at = 0; at < other.size(); ++at) {
            different[at] = static_cast<std::uint8_t>(different[at] | (first[at] ^ other[at]));
        }
    }
    for (const std::uint8_t octet : different) { EXPECT_NE(octet, 0); }
    random.fill({});
}

TEST(ThreadRandom, NeverRepeatsAcrossWhatWasDrawnAhead) {
    ThreadRandom random;
    std::set<Bytes> seen;
    for (int i = 0; i < 1000; ++i) {
        EXPECT_TRUE(seen.insert(random.bytes(16)).second);
        EXPECT_TRUE(seen.insert(random.bytes(11)).second);
        EXPECT_TRUE(seen.insert(random.bytes(40)).second);
    }
    random.fill({});
}

}  // namespace
}  // namespace culvert::crypto
