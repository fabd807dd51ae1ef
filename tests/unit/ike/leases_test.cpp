#include "ike/leases.hpp"

#include <gtest/gtest.h>

namespace culvert::ike {
namespace {

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }
LeaseWish wish(std::string_view who, std::string_view holder = "192.0.2.1") {
    return {.identity = Identity::parse(who).value(), .holder = ip(holder)};
}
const Pool pool{.name = "p", .addresses = *IpRange::parse("10.3.0.1-10.3.0.3"), .attributes = {}};

TEST(LeaseBook, GivesEachIdentityItsOwnAddressInOrder) {
    LeaseBook book;
    EXPECT_EQ(book.acquire(pool, wish("a")), ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(pool, wish("b")), ip("10.3.0.2"));
    EXPECT_EQ(book.online("p"), 2U);
}

TEST(LeaseBook, GivesBackWhatAnIdentityHad) {
    LeaseBook book;
    EXPECT_EQ(book.acquire(pool, wish("a")), ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(pool, wish("b")), ip("10.3.0.2"));
    book.release("p", ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(pool, wish("c")), ip("10.3.0.3"));
    EXPECT_EQ(book.acquire(pool, wish("a")), ip("10.3.0.1"));
}

TEST(LeaseBook, TheOneReleasedFirstGoesToAnotherWhenNoneIsLeft) {
    LeaseBook book;
    for (const auto* who : {"a", "b", "c"}) { ASSERT_TRUE(book.acquire(pool, wish(who))); }
    EXPECT_EQ(book.acquire(pool, wish("d")), std::nullopt);
    book.release("p", ip("10.3.0.2"));
    book.release("p", ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(pool, wish("d")), ip("10.3.0.2"));
    // It is not b's any more.
    EXPECT_EQ(book.acquire(pool, wish("b")), ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(pool, wish("a")), std::nullopt);
}

// A pool was renamed, or two overlap: nobody gets what another one uses.
TEST(LeaseBook, AnAddressInUseIsGivenFromNoOtherPool) {
    const Pool renamed{.name = "q", .addresses = pool.addresses, .attributes = {}};
    LeaseBook book;
    book.restore("q", ip("10.3.0.1"), Identity::parse("b").value());
    ASSERT_EQ(book.acquire(pool, wish("a")), ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(renamed, wish("b")), ip("10.3.0.2"));  // not what b had, nor a's
    LeaseWish asks = wish("c");
    asks.wanted = ip("10.3.0.1");
    EXPECT_EQ(book.acquire(renamed, asks), ip("10.3.0.3"));
    EXPECT_EQ(book.acquire(renamed, wish("d")), std::nullopt);
    EXPECT_EQ(book.acquire(pool, wish("d")), std::nullopt);
    book.release("p", ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(renamed, wish("d")), ip("10.3.0.1"));
}

TEST(LeaseBook, TwoOfOneIdentityHaveTwoAddresses) {
    LeaseBook book;
    EXPECT_EQ(book.acquire(pool, wish("a", "192.0.2.1")), ip("10.3.0.1"));
    EXPECT_EQ(book.acquire(pool, wish("a", "192.0.2.2")), ip("10.3.0.2"));
}

TEST(LeaseBook, WhoMovedKeepsItsAddressWhenItAsksFromThere) {
    LeaseBook book;
    EXPECT_EQ(book.acquire(pool, wish("a", "192.0.2.1")), ip("10.3.0.1"));
    book.moved("p", ip("10.3.0.1"), ip("198.51.100.1"));
    EXPECT_EQ(book.leases().front().holder, ip("198.51.100.1"));
    LeaseWish again = wish("a", "198.51.100.1");
    again.wanted = ip("10.3.0.1");
    EXPECT_EQ(book.acquire(pool, again), ip("10.3.0.1"));
    // Where it was before somebody else may be.
    again.holder = ip("192.0.2.1");
    EXPECT_EQ(book.acquire(pool, again), ip("10.3.0.2"));
}

// RFC 7619: nobody asks for the address that another nobody at the same NAT has.
TEST(LeaseBook, WhoProvesNothingGetsNoAddressThatIsInUse) {
    LeaseBook book;
    LeaseWish nobody{.identity = {.type = IdType::null, .data = {}}, .holder = ip("192.0.2.1")};
    EXPECT_EQ(book.acquire(pool, nobody), ip("10.3.0.1"));
    nobody.wanted = ip("10.3.0.1");
    EXPECT_EQ(book.acquire(pool, nobody), ip("10.3.0.2"));
}

TEST(LeaseBook, AReauthenticationKeepsTheAddressUntilBothHaveReleasedIt) {
    LeaseBook book;
    LeaseWish again = wish("a");
    EXPECT_EQ(book.acquire(pool, again), ip("10.3.0.1"));
    again.wanted = ip("10.3.0.1");
    EXPECT_EQ(book.acquire(pool, again), ip("10.3.0.1"));
    book.release("p", ip("10.3.0.1"));
    EXPECT_EQ(book.online("p"), 1U);
    book.release("p", ip("10.3.0.1"));
    EXPECT_EQ(book.online("p"), 0U);
    EXPECT_EQ(book.offline("p"), 1U);
}

// Abuse C: what another has is not to be had by asking for it.
TEST(LeaseBook, AWishForAnothersAddressGivesAnotherOne) {
    LeaseBook book;
    ASSERT_EQ(book.acquire(pool, wish("a")), ip("10.3.0.1"));
    LeaseWish thief = wish("b");
    thief.wanted = ip("10.3.0.1");
    EXPECT_EQ(book.acquire(pool, thief), ip("10.3.0.2"));
    book.release("p", ip("10.3.0.1"));
    LeaseWish second = wish("c");
    second.wanted = ip("10.3.0.1");
    EXPECT_EQ(book.acquire(pool, second), ip("10.3.0.3"));
    LeaseWish outside = wish("d");
    outside.wanted = ip("10.99.0.1");
    EXPECT_EQ(book.acquire(pool, outside), ip("10.3.0.1"));
}

TEST(LeaseBook, WhatIsRestoredIsGivenBack) {
    std::vector<Lease> told;
    LeaseBook book{[&](const Lease& lease) { told.push_back(lease); }};
    book.restore("p", ip("10.3.0.2"), Identity::parse("b").value());
    EXPECT_EQ(book.acquire(pool, wish("b")), ip("10.3.0.2"));
    EXPECT_TRUE(told.empty());  // nothing new to keep
    EXPECT_EQ(book.acquire(pool, wish("a")), ip("10.3.0.1"));
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().address, ip("10.3.0.1"));
}

TEST(LeaseBook, APoolOfIpv6IsNotSearchedWhole) {
    LeaseBook book;
    const Pool wide{.name = "6", .addresses = *IpRange::parse("fd00::/64"), .attributes = {}};
    EXPECT_EQ(book.acquire(wide, wish("a")), ip("fd00::"));
    EXPECT_EQ(book.acquire(wide, wish("b")), ip("fd00::1"));
}

}  // namespace
}  // namespace culvert::ike
