#include "plane/stream_admission.hpp"

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

IpAddress address(const char* text) { return *IpAddress::parse(text); }

constexpr StreamAdmission::Limits small{.all = 6, .strangers = 4, .strangers_an_address = 2};

TEST(StreamAdmission, OneAddressHasFewStrangers) {
    StreamAdmission book{small};
    EXPECT_TRUE(book.arrive(StreamId{1}, address("192.0.2.1")));
    EXPECT_TRUE(book.arrive(StreamId{2}, address("192.0.2.1")));
    const auto third = book.arrive(StreamId{3}, address("192.0.2.1"));
    ASSERT_FALSE(third);
    EXPECT_EQ(third.error().code, ErrorCode::limit_reached);
    EXPECT_TRUE(book.arrive(StreamId{4}, address("192.0.2.2")));
    // Who has authenticated counts no more: there are NATs.
    book.authenticated(StreamId{1});
    EXPECT_FALSE(book.is_stranger(StreamId{1}));
    EXPECT_TRUE(book.arrive(StreamId{5}, address("192.0.2.1")));
}

TEST(StreamAdmission, AnIPv6NetworkIsOneAddress) {
    StreamAdmission book{small};
    EXPECT_TRUE(book.arrive(StreamId{1}, address("2001:db8::1")));
    EXPECT_TRUE(book.arrive(StreamId{2}, address("2001:db8::2")));
    EXPECT_FALSE(book.arrive(StreamId{3}, address("2001:db8::3")));
    EXPECT_TRUE(book.arrive(StreamId{4}, address("2001:db8:0:1::3")));
}

TEST(StreamAdmission, TheOldestOfTheBusiestAddressGoes) {
    StreamAdmission book{small};
    EXPECT_TRUE(book.arrive(StreamId{1}, address("192.0.2.9")));
    EXPECT_TRUE(book.arrive(StreamId{2}, address("192.0.2.1")));
    EXPECT_TRUE(book.arrive(StreamId{3}, address("192.0.2.1")));
    EXPECT_TRUE(book.arrive(StreamId{4}, address("192.0.2.2")));
    const auto fifth = book.arrive(StreamId{5}, address("192.0.2.3"));
    ASSERT_TRUE(fifth);
    EXPECT_EQ(*fifth, StreamId{2});
    EXPECT_EQ(book.strangers(), 4U);
    EXPECT_EQ(book.size(), 4U);
}

TEST(StreamAdmission, PeersThatAreAuthenticatedNeverMakeWay) {
    StreamAdmission book{small};
    for (std::uint64_t i = 1; i <= 6; ++i) {
        ASSERT_TRUE(book.arrive(StreamId{i}, address("192.0.2.1")));
        book.authenticated(StreamId{i});
    }
    EXPECT_FALSE(book.arrive(StreamId{7}, address("192.0.2.2")));
    book.gone(StreamId{3});
    EXPECT_TRUE(book.arrive(StreamId{8}, address("192.0.2.2")));
    // The stranger makes way for the next one.
    const auto next = book.arrive(StreamId{9}, address("192.0.2.3"));
    ASSERT_TRUE(next);
    EXPECT_EQ(*next, StreamId{8});
}

TEST(StreamAdmission, WhatIsGoneIsForgotten) {
    StreamAdmission book{small};
    EXPECT_TRUE(book.arrive(StreamId{1}, address("192.0.2.1")));
    book.gone(StreamId{1});
    book.gone(StreamId{1});
    book.authenticated(StreamId{1});
    EXPECT_EQ(book.size(), 0U);
    EXPECT_EQ(book.strangers(), 0U);
}

}  // namespace
}  // namespace culvert::plane
