#include "ike/v2/half_open_guard.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ike/v2/limits.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ike::v2 {
namespace {

using Verdict = HalfOpenGuard::Verdict;

const Instant start{std::chrono::hours{1}};
const Bytes nonce(32, 0x5a);
const IkeSpi spi{0x1122334455667788};

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value_or(IpAddress{}); }

EngineSettings settings_of(unsigned cookies, unsigned cookies_per_ip, unsigned block,
                           unsigned most) {
    EngineSettings settings;
    settings.cookie_threshold = cookies;
    settings.cookie_threshold_per_ip = cookies_per_ip;
    settings.block_threshold_per_ip = block;
    settings.half_open_max = most;
    return settings;
}

TEST(HalfOpenGuard, AsksForCookiesFromTheThresholdOn) {
    HalfOpenGuard guard;
    const auto settings = settings_of(2, 0, 0, 0);
    EXPECT_EQ(guard.judge(ip("10.0.0.9"), settings), Verdict::accept);
    guard.opened(ip("10.0.0.1"));
    EXPECT_EQ(guard.judge(ip("10.0.0.9"), settings), Verdict::accept);
    guard.opened(ip("10.0.0.2"));
    EXPECT_EQ(guard.judge(ip("10.0.0.9"), settings), Verdict::ask_cookie);
    guard.closed(ip("10.0.0.1"));
    EXPECT_EQ(guard.judge(ip("10.0.0.9"), settings), Verdict::accept);
}

TEST(HalfOpenGuard, BlocksOneAddressAndNotTheOthers) {  // abuse case A-02
    HalfOpenGuard guard;
    const auto settings = settings_of(0, 2, 3, 0);
    for (int i = 0; i < 2; ++i) { guard.opened(ip("10.0.0.1")); }
    EXPECT_EQ(guard.judge(ip("10.0.0.1"), settings), Verdict::ask_cookie);
    guard.opened(ip("10.0.0.1"));
    EXPECT_EQ(guard.judge(ip("10.0.0.1"), settings), Verdict::ignore);
    EXPECT_EQ(guard.judge(ip("10.0.0.2"), settings), Verdict::accept);
}

TEST(HalfOpenGuard, CountsAWholeSlash64AsOneSource) {
    HalfOpenGuard guard;
    const auto settings = settings_of(0, 0, 2, 0);
    guard.opened(ip("2001:db8:0:1::1"));
    guard.opened(ip("2001:db8:0:1:ffff::2"));
    EXPECT_EQ(guard.judge(ip("2001:db8:0:1::3"), settings), Verdict::ignore);
    EXPECT_EQ(guard.judge(ip("2001:db8:0:2::3"), settings), Verdict::accept);
}

// whoever has a whole site's networks, and takes his cookies there.
TEST(HalfOpenGuard, OneRegionDoesNotShutOutTheOthers) {
    HalfOpenGuard guard;
    const auto settings = settings_of(0, 0, 5, 80);
    for (unsigned i = 0; i < 10; ++i) {
        const IpAddress from = ip(fmt::format("2001:db8:7:{}::1", i));
        EXPECT_EQ(guard.judge(from, settings), Verdict::accept) << i;
        guard.opened(from);
    }
    EXPECT_EQ(guard.judge(ip("2001:db8:7:99::1"), settings), Verdict::ignore);
    EXPECT_EQ(guard.judge(ip("2001:db8:8:99::1"), settings), Verdict::accept);
    guard.closed(ip("2001:db8:7:3::1"));
    EXPECT_EQ(guard.judge(ip("2001:db8:7:99::1"), settings), Verdict::accept);
}

// Behind one address are others, too: who is refused there does not keep them out.
TEST(HalfOpenGuard, WhatIsRefusedIsNotHalfOpen) {
    HalfOpenGuard guard;
    // In one region: with a limit by source they have a part of all only.
    const auto settings = settings_of(0, 0, 3, 64);
    const auto few = settings_of(0, 0, 0, 8);
    for (unsigned i = 0; i < 8; ++i) {
        EXPECT_EQ(guard.judge(ip("10.0.0.1"), settings), Verdict::accept) << i;
        guard.opened(ip("10.0.0.1"));
        // Some stay, to answer again; no more than that, whoever asks for how many.
        EXPECT_EQ(guard.refused(ip("10.0.0.1")), i < refused_per_source_max) << i;
    }
    EXPECT_EQ(guard.from(ip("10.0.0.1")), 0U);
    EXPECT_EQ(guard.total(), 8U);
    EXPECT_EQ(guard.judge(ip("10.0.0.2"), few), Verdict::ignore);
    for (unsigned i = 0; i < 8; ++i) {
        guard.refused_is_gone(ip("10.0.0.1"), i < refused_per_source_max);
    }
    EXPECT_EQ(guard.total(), 0U);
    guard.opened(ip("10.0.0.1"));
    EXPECT_TRUE(guard.refused(ip("10.0.0.1")));
}

TEST(HalfOpenGuard, OneOfSeveralHasItsPartOfTheTotals) {
    HalfOpenGuard guard{4};
    const auto settings = settings_of(5, 0, 0, 12);
    guard.opened(ip("10.0.0.1"));
    EXPECT_EQ(guard.judge(ip("10.0.0.9"), settings), Verdict::accept);
    guard.opened(ip("10.0.0.2"));
    EXPECT_EQ(guard.judge(ip("10.0.0.9"), settings), Verdict::ask_cookie);
    guard.opened(ip("10.0.0.3"));
    EXPECT_EQ(guard.judge(ip("10.0.0.9"), settings), Verdict::ignore);
}

TEST(HalfOpenGuard, HasATotal) {  // abuse case A-03
    HalfOpenGuard guard;
    const auto settings = settings_of(0, 0, 0, 100);
    for (std::uint32_t i = 0; i < 100; ++i) { guard.opened(IpAddress::v4(0x0a000000 + i)); }
    EXPECT_EQ(guard.judge(ip("10.9.9.9"), settings), Verdict::ignore);
    for (std::uint32_t i = 0; i < 100; ++i) { guard.closed(IpAddress::v4(0x0a000000 + i)); }
    EXPECT_EQ(guard.total(), 0U);
    EXPECT_EQ(guard.from(ip("10.0.0.5")), 0U);
}

TEST(HalfOpenGuard, BindsACookieToAddressNonceAndSpi) {  // RFC 7296 2.6; abuse case A-04
    HalfOpenGuard guard;
    test::SeededRandom random{1};
    const Bytes cookie = guard.make_cookie(nonce, ip("10.0.0.1"), spi, start, random);
    ASSERT_LE(cookie.size(), cookie_size_max);
    EXPECT_TRUE(guard.check_cookie(cookie, nonce, ip("10.0.0.1"), spi, start));
    EXPECT_FALSE(guard.check_cookie(cookie, nonce, ip("10.0.0.2"), spi, start));
    EXPECT_FALSE(guard.check_cookie(cookie, Bytes(32, 1), ip("10.0.0.1"), spi, start));
    EXPECT_FALSE(guard.check_cookie(cookie, nonce, ip("10.0.0.1"), IkeSpi{1}, start));
    for (std::size_t i = 0; i < cookie.size(); ++i) {
        Bytes damaged = cookie;
        damaged[i] ^= 1;
        EXPECT_FALSE(guard.check_cookie(damaged, nonce, ip("10.0.0.1"), spi, start)) << i;
    }
    EXPECT_FALSE(guard.check_cookie({}, nonce, ip("10.0.0.1"), spi, start));
}

TEST(HalfOpenGuard, LetsCookiesGrowStale) {
    HalfOpenGuard guard;
    test::SeededRandom random{1};
    const IpAddress from = ip("10.0.0.1");
    const Bytes cookie = guard.make_cookie(nonce, from, spi, start, random);
    // Another peer's cookie rotates the secret; the old one is good for one more period.
    const Instant later = start + cookie_secret_lifetime + std::chrono::seconds{1};
    const Bytes second = guard.make_cookie(nonce, from, spi, later, random);
    EXPECT_NE(cookie, second);
    EXPECT_TRUE(guard.check_cookie(cookie, nonce, from, spi, later));
    EXPECT_TRUE(guard.check_cookie(second, nonce, from, spi, later));
    EXPECT_FALSE(guard.check_cookie(cookie, nonce, from, spi, start + 2 * cookie_secret_lifetime));
}

TEST(HalfOpenGuard, ChecksNoCookieBeforeItMadeOne) {
    HalfOpenGuard guard;
    EXPECT_FALSE(guard.check_cookie(Bytes(17, 0), nonce, ip("10.0.0.1"), spi, start));
}

TEST(RateLimit, AllowsSoManyASecond) {
    RateLimit limit{3};
    for (int i = 0; i < 3; ++i) { EXPECT_TRUE(limit.allow(start)); }
    EXPECT_FALSE(limit.allow(start + std::chrono::milliseconds{999}));
    EXPECT_TRUE(limit.allow(start + std::chrono::seconds{1}));
}

}  // namespace
}  // namespace culvert::ike::v2
