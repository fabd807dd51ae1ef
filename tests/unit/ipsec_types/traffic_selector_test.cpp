// Traffic selectors: swanctl's words, and the narrowing of RFC 7296 2.9.

#include "ipsec_types/traffic_selector.hpp"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TrafficSelector ts(std::string_view text) { return TrafficSelector::parse(text).value(); }
TrafficSelectors all(std::initializer_list<std::string_view> texts) {
    TrafficSelectors out;
    for (const std::string_view text : texts) { out.push_back(ts(text)); }
    return out;
}

TEST(TrafficSelector, IsPrintedAsItIsWritten) {
    for (const std::string_view text :
         {"10.1.0.0/16", "10.1.0.0/16[tcp/443]", "10.0.0.1-10.0.0.9[udp]", "::/0[ipv6-icmp/128]",
          "10.0.0.1/32", "0.0.0.0/0[17/1024-65535]", "10.0.0.0/8[tcp/opaque]"}) {
        const auto selector = TrafficSelector::parse(text);
        ASSERT_TRUE(selector) << text;
        EXPECT_EQ(TrafficSelector::parse(selector->to_string()), selector) << text;
    }
    EXPECT_EQ(ts("10.1.0.0/16[tcp/https]").to_string(), ts("10.1.0.0/16[6/443]").to_string());
}

TEST(TrafficSelector, NonsenseIsNone) {
    for (const std::string_view text :
         {"", "10.0.0.0/33", "10.0.0.9-10.0.0.1", "10.0.0.0/8[", "10.0.0.0/8[tcp/2-1]",
          "10.0.0.0/8[tcp/65536]", "10.0.0.0/8[256]", "10.0.0.0-2001:db8::1", "10.0.0/8/8"}) {
        EXPECT_FALSE(TrafficSelector::parse(text)) << text;
    }
}

TEST(TrafficSelector, ContainsAndIntersectsEachDimension) {
    EXPECT_TRUE(ts("10.0.0.0/8").contains(ts("10.1.2.3/32[tcp/80]")));
    EXPECT_FALSE(ts("10.0.0.0/8[tcp]").contains(ts("10.1.2.3/32")));
    EXPECT_FALSE(ts("10.0.0.0/8[tcp/80]").contains(ts("10.1.2.3/32[tcp/80-81]")));
    EXPECT_FALSE(ts("0.0.0.0/0").contains(ts("::/0")));
    EXPECT_EQ(ts("10.0.0.0/8[tcp]").intersect(ts("10.1.0.0/16[6/80-90]")),
              ts("10.1.0.0/16[tcp/80-90]"));
    EXPECT_EQ(ts("10.0.0.0/8[tcp]").intersect(ts("10.1.0.0/16[udp]")), std::nullopt);
    EXPECT_EQ(ts("10.0.0.5-10.0.0.9").intersect(ts("10.0.0.7-10.0.0.20")), ts("10.0.0.7-10.0.0.9"));
    EXPECT_EQ(ts("10.0.0.0/8[tcp/1-5]").intersect(ts("10.0.0.0/8[tcp/6-9]")), std::nullopt);
}

TEST(Narrowing, GivesWhatBothWantOnceInOurOrder) {  // RFC 7296 2.9
    const auto narrowed = narrow(all({"10.2.0.0/16", "10.1.0.0/16"}),
                                 all({"10.0.0.0/8", "10.1.5.0/24", "192.168.0.0/16"}));
    EXPECT_EQ(narrowed, all({"10.2.0.0/16", "10.1.0.0/16"}));
    EXPECT_TRUE(narrow(all({"10.0.0.0/8"}), all({"2001:db8::/32"})).empty());
    EXPECT_TRUE(narrow({}, all({"0.0.0.0/0"})).empty());
}

TEST(Narrowing, NeverGivesMoreThanEitherSideHas) {  // T-03
    const auto ours = all({"10.1.0.0/16[tcp]", "10.2.0.0/24", "2001:db8::/64"});
    const auto theirs = all({"0.0.0.0/0", "::/0[udp]", "10.2.0.128-10.2.1.5"});
    for (const TrafficSelector& one : narrow(ours, theirs)) {
        EXPECT_TRUE(contains(ours, one)) << one.to_string();
        EXPECT_TRUE(contains(theirs, one)) << one.to_string();
    }
}

}  // namespace
}  // namespace culvert
