// subnets_of: the fewest subnets that cover exactly a range.

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "base/ip.hpp"
#include "support/seeded_random.hpp"

namespace culvert {
namespace {

std::string covered(std::string_view text) {
    const auto range = IpRange::parse(text);
    EXPECT_TRUE(range) << text;
    std::string out;
    for (const auto& subnet : subnets_of(*range)) {
        out += (out.empty() ? "" : " ") + subnet.to_string();
    }
    return out;
}

TEST(SubnetsOf, KnownRanges) {
    EXPECT_EQ(covered("10.0.0.0/24"), "10.0.0.0/24");
    EXPECT_EQ(covered("10.0.0.7"), "10.0.0.7/32");
    EXPECT_EQ(covered("10.0.0.1-10.0.0.9"), "10.0.0.1/32 10.0.0.2/31 10.0.0.4/30 10.0.0.8/31");
    EXPECT_EQ(covered("10.0.0.255-10.0.1.0"), "10.0.0.255/32 10.0.1.0/32");
    EXPECT_EQ(covered("fd00::1-fd00::2"), "fd00::1/128 fd00::2/128");
}

TEST(SubnetsOf, TheWholeSpaceAndItsEnds) {
    EXPECT_EQ(covered("0.0.0.0/0"), "0.0.0.0/0");
    EXPECT_EQ(covered("::/0"), "::/0");
    EXPECT_EQ(covered("0.0.0.0-255.255.255.254").ends_with("255.255.255.254/32"), true);
    EXPECT_EQ(subnets_of(*IpRange::parse("0.0.0.0-255.255.255.254")).size(), 32U);
    EXPECT_EQ(subnets_of(*IpRange::parse("0.0.0.1-255.255.255.255")).size(), 32U);
    EXPECT_EQ(subnets_of(*IpRange::parse("0.0.0.1-255.255.255.254")).size(), 62U);
    EXPECT_EQ(covered("255.255.255.255"), "255.255.255.255/32");
    EXPECT_EQ(covered("0.0.0.0"), "0.0.0.0/32");
    EXPECT_EQ(covered("128.0.0.0-255.255.255.255"), "128.0.0.0/1");
    const auto worst = IpRange::make(*IpAddress::parse("::1"),
                                     *IpAddress::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"));
    EXPECT_EQ(subnets_of(*worst).size(), 254U);
    EXPECT_EQ(covered("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
              "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
}

// Against a reckoning of its own: they follow each other without a gap or an overlap, each begins
// on its boundary, and no two neighbours would make one.
TEST(SubnetsOf, CoversExactlyAndWithTheFewest) {
    test::SeededRandom random{11};
    for (int i = 0; i < 2000; ++i) {
        const unsigned spread = static_cast<unsigned>(1 + random.below(32));
        const std::uint64_t first = random.below(std::uint64_t{1} << 32U);
        const std::uint64_t last =
            std::min<std::uint64_t>(0xffffffff, first + random.below(std::uint64_t{1} << spread));
        const auto range = IpRange::make(IpAddress::v4(static_cast<std::uint32_t>(first)),
                                         IpAddress::v4(static_cast<std::uint32_t>(last)));
        SCOPED_TRACE(range->to_string());
        std::uint64_t at = first;
        std::uint64_t size_before = 0;
        for (const auto& subnet : subnets_of(*range)) {
            const std::uint64_t size = std::uint64_t{1} << (32 - subnet.prefix);
            const std::uint64_t begin = subnet.address.v4_host_order();
            ASSERT_EQ(begin, at);
            ASSERT_EQ(begin % size, 0U);
            const bool mergeable = size == size_before && (begin - size) % (2 * size) == 0;
            ASSERT_FALSE(mergeable);
            size_before = size;
            at += size;
        }
        ASSERT_EQ(at, last + 1);
    }
}

}  // namespace
}  // namespace culvert
