// pools, and what asks for them.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load_text.hpp"

namespace culvert::config {
namespace {

const ike::Pool* pool_of(const Loaded& loaded) {
    return loaded.config.pools.empty() ? nullptr : &loaded.config.pools.front();
}

TEST(Pool, HasTheAddressesThatStrongSwanGives) {
    struct Case {
        std::string_view addrs;
        std::string_view want;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"10.3.0.0/24", "10.3.0.1-10.3.0.254"},
             {"10.3.0.128/24", "10.3.0.128-10.3.0.254"},  // the lower part is left out
             {"10.3.0.0/30", "10.3.0.1-10.3.0.2"},
             {"10.3.0.0/31", "10.3.0.0/31"},
             {"10.3.0.7", "10.3.0.7/32"},
             {"10.3.0.10-10.3.0.99", "10.3.0.10-10.3.0.99"},
             {"fd00::/126", "fd00::1-fd00::2"},
         }) {
        const Loaded loaded = load_text(fmt::format("pools {{ p {{ addrs = {} }} }}", c.addrs));
        EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
        ASSERT_NE(pool_of(loaded), nullptr) << c.addrs;
        EXPECT_EQ(pool_of(loaded)->addresses, *IpRange::parse(c.want))
            << c.addrs << ": " << pool_of(loaded)->addresses.to_string();
    }
}

TEST(Pool, CarriesAttributesByNameAndNumber) {
    const Loaded loaded = load_text(
        "pools { p {\n addrs = 10.3.0.0/24\n dns = 10.0.0.53, fd00::53\n"
        " subnet = 10.1.0.0/16\n split_include = 10.1.0.0/16\n 25 = example.org\n } }");
    ASSERT_TRUE(loaded.ok()) << show(loaded.problems);
    ASSERT_NE(pool_of(loaded), nullptr);
    const std::vector<ike::PoolAttribute> want{
        {3, {10, 0, 0, 53}},
        {10, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53}},
        {13, {10, 1, 0, 0, 255, 255, 0, 0}},
        {28676, {10, 1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0}},
        {25, {'e', 'x', 'a', 'm', 'p', 'l', 'e', '.', 'o', 'r', 'g'}},
    };
    EXPECT_EQ(pool_of(loaded)->attributes, want);
}

TEST(Pool, WhatIsWrongIsNamed) {
    struct Case {
        std::string_view text;
        std::string_view want;
    };
    for (const Case& c : std::initializer_list<Case>{
             {"dns = 10.0.0.1",
              "t.conf:1: error: pools.p: has no addrs. To fix it: add addrs = 10.3.0.0/24, or "
              "remove the pool\n"},
             {"addrs = 10.3.0.0/33",
              "t.conf:1: error: pools.p.addrs: \"10.3.0.0/33\" is neither a subnet nor a range. To "
              "fix it: write 10.3.0.0/24, or 10.3.0.10-10.3.0.99\n"},
             {"addrs = 10.3.0.0/24\n dns = ns.example",
              "t.conf:2: error: pools.p.dns: \"ns.example\" is not an address. To fix it: write "
              "one as 10.0.0.53 or fd00::53\n"},
             {"addrs = 10.3.0.0/24\n split_include = fd00::/16",
              "t.conf:2: error: pools.p.split_include: \"fd00::/16\" is an IPv6 subnet, which "
              "split_include cannot carry. To fix it: name an IPv4 subnet\n"},
             {"addrs = 10.3.0.0/24\n 40000 = x",
              "t.conf:2: error: pools.p.40000: attribute 40000 is not 1 to 32767. To fix it: see "
              "IANA's list of IKEv2 configuration attributes\n"},
         }) {
        EXPECT_EQ(show(load_text(fmt::format("pools {{ p {{ {}\n }} }}", c.text)).problems),
                  c.want);
    }
    EXPECT_FALSE(load_text("pools { p { addrs = 10.3.0.0/24\n adrs = 1\n } }").ok());
}

std::string road_with(std::string_view pool) {
    std::string out = "connections { road { pools = ";
    out += pool;
    return out +
           "\n local { auth = psk\n }\n remote { auth = psk\n }\n }\n }\n"
           "secrets { ike { secret = 0123456789abcdef\n } }\n"
           "pools { carols { addrs = 10.3.0.0/24\n } }";
}

TEST(Pool, IsNamedByConnections) {
    const Loaded right = load_text(road_with("carols"));
    EXPECT_TRUE(right.ok()) << show(right.problems);
    EXPECT_EQ(right.config.connections.at(0).pools, std::vector<std::string>{"carols"});
    const Loaded wrong = load_text(road_with("carol"));
    EXPECT_FALSE(wrong.ok());
    EXPECT_NE(show(wrong.problems).find("there is no pool carol. To fix it: did you mean carols?"),
              std::string::npos)
        << show(wrong.problems);
}

TEST(Pool, ADifferenceIsAChange) {
    const Loaded before = load_text("pools { p { addrs = 10.3.0.0/24\n } }");
    const Loaded after = load_text("pools { p { addrs = 10.4.0.0/24\n } }");
    EXPECT_TRUE(compare(before.config, after.config).pools);
    EXPECT_FALSE(compare(before.config, after.config).empty());
    EXPECT_TRUE(compare(before.config, before.config).empty());
}

TEST(Pool, ComesByViciToo) {
    const auto loaded = load_pool(
        "p", vici::Section{}.set("addrs", "10.3.0.0/24").set("dns", vici::List{"10.0.0.53"}));
    ASSERT_TRUE(loaded.ok()) << show(loaded.problems);
    EXPECT_EQ(loaded.pool->attributes.size(), 1U);
    EXPECT_FALSE(load_pool("p", {}).ok());
}

TEST(Updown, IsAProgramAndNoShellLine) {
    const auto child = [](std::string_view line) {
        return load_text(fmt::format(
            "connections {{ c {{ remote_addrs = 192.0.2.1\n local {{ auth = psk\n }}\n remote {{ "
            "auth = psk\n }}\n children {{ n {{ {}\n }} }} }} }}\n"
            "secrets {{ ike {{ secret = 0123456789abcdef\n }} }}",
            line));
    };
    const Loaded right = child("updown = /usr/lib/up --fast");
    EXPECT_TRUE(right.ok()) << show(right.problems);
    EXPECT_EQ(right.config.connections.at(0).children.at(0).updown, "/usr/lib/up --fast");
    EXPECT_FALSE(child("updown = up.sh").ok());
    EXPECT_FALSE(child("updown = /bin/sh -c 'x'").ok());
    EXPECT_FALSE(child("updown = /bin/up; reboot").ok());
}

}  // namespace
}  // namespace culvert::config
