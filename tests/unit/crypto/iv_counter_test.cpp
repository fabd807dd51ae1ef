#include "crypto/iv_counter.hpp"

#include <set>

#include <gtest/gtest.h>

#include "base/bytes.hpp"

namespace culvert::crypto {
namespace {

TEST(IvCounter, BeginsWithTheFirst) {
    IvCounter counter{0x0102030405060708};
    EXPECT_EQ(to_hex(*counter.take()), "0102030405060708");
    EXPECT_EQ(to_hex(*counter.take()), "0102030405060709");
}

TEST(IvCounter, NeverRepeats) {
    for (const std::uint64_t first :
         {std::uint64_t{0}, ~std::uint64_t{0}, std::uint64_t{1234567}}) {
        IvCounter counter{first};
        std::set<std::array<std::uint8_t, 8>> seen;
        for (int i = 0; i < 5000; ++i) { EXPECT_TRUE(seen.insert(*counter.take()).second); }
    }
}

TEST(IvCounter, EndsWithExhaustedAndStaysThere) {
    IvCounter counter{7, counter_ivs_max - 2};
    EXPECT_TRUE(counter.take());
    EXPECT_TRUE(counter.take());
    for (int i = 0; i < 3; ++i) {
        const auto none = counter.take();
        ASSERT_FALSE(none);
        EXPECT_EQ(none.error().code, ErrorCode::exhausted);
    }
}

}  // namespace
}  // namespace culvert::crypto
