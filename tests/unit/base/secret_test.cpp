#include "base/secret.hpp"

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace culvert {
namespace {

// What must not compile.
static_assert(!std::copyable<Secret>);
static_assert(!std::equality_comparable<Secret>);
template <class T>
concept Streamable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Streamable<Secret>);
static_assert(std::is_nothrow_move_constructible_v<Secret>);
static_assert(std::is_nothrow_move_assignable_v<Secret>);

TEST(Secret, HoldsWhatItWasGiven) {
    const Secret secret = Secret::copy_of(Bytes{1, 2, 3});
    EXPECT_EQ(to_hex(secret.reveal()), "010203");
    EXPECT_EQ(secret.size(), 3U);
    EXPECT_FALSE(secret.empty());
    EXPECT_EQ(to_hex(secret.clone().reveal()), "010203");
}

TEST(Secret, BeginsWithZeros) {
    // Whatever its memory held before: dirty some first.
    for (const std::size_t size :
         std::initializer_list<std::size_t>{1, 31, 32, 33, 4096, 4097, 100'000}) {
        { std::ranges::fill(Secret{size}.write(), std::uint8_t{0xff}); }
        const Secret secret{size};
        EXPECT_EQ(secret.size(), size);
        EXPECT_TRUE(std::ranges::all_of(secret.reveal(), [](auto octet) { return octet == 0; }));
    }
}

TEST(Secret, MovesAndLeavesNothingBehind) {
    Secret from = Secret::copy_of(Bytes{1, 2, 3});
    const std::uint8_t* const where = from.reveal().data();
    Secret to = std::move(from);
    EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is the claim
    EXPECT_EQ(to.reveal().data(), where);
    Secret other = Secret::copy_of(Bytes{9});
    other = std::move(to);
    EXPECT_EQ(to_hex(other.reveal()), "010203");
}

TEST(Secret, OfNothingIsEmpty) {
    const Secret none;
    EXPECT_TRUE(none.empty());
    EXPECT_TRUE(none.reveal().empty());
    EXPECT_TRUE(Secret{0}.empty());
    EXPECT_TRUE(none.clone().empty());
    EXPECT_TRUE(Secret::copy_of({}).empty());
}

TEST(Secret, ManyAtOnceDoNotOverlap) {
    std::vector<Secret> secrets;
    for (unsigned i = 0; i < 3000; ++i) {
        secrets.emplace_back(1 + i % 70);
        std::ranges::fill(secrets.back().write(), static_cast<std::uint8_t>(i));
    }
    for (unsigned i = 0; i < 3000; ++i) {
        const ByteView octets = secrets.at(i).reveal();
        EXPECT_TRUE(std::ranges::all_of(
            octets, [&](auto octet) { return octet == static_cast<std::uint8_t>(i); }));
    }
}

TEST(Secret, LiesWhereExpandedKeysMay) {
    for (const std::size_t size : std::initializer_list<std::size_t>{300, 1024, 1088, 2000, 4096}) {
        std::vector<Secret> secrets;
        for (std::uint8_t i = 0; i < 100; ++i) {
            secrets.emplace_back(size);
            const auto where = std::bit_cast<std::uintptr_t>(secrets.back().reveal().data());
            EXPECT_EQ(where % 64, 0U) << size;
            std::ranges::fill(secrets.back().write(), i);
        }
        for (std::uint8_t i = 0; i < 100; ++i) {
            EXPECT_TRUE(std::ranges::all_of(secrets.at(i).reveal(),
                                            [i](auto octet) { return octet == i; }));
        }
    }
}

TEST(Secret, IsWipedOnDestruction) {
    const std::uint8_t* where = nullptr;
    {
        Secret secret{48};
        std::ranges::fill(secret.write(), std::uint8_t{0x5a});
        where = secret.reveal().data();
    }
    // The block goes back to the pool, which stays mapped: looking at it is defined enough for a
    // test.
    EXPECT_TRUE(std::all_of(where, where + 48, [](auto octet) { return octet == 0; }));
}

TEST(ConstantTimeEqual, ComparesLengthAndOctets) {
    EXPECT_TRUE(constant_time_equal({}, {}));
    EXPECT_TRUE(constant_time_equal(Bytes{1, 2}, Bytes{1, 2}));
    EXPECT_FALSE(constant_time_equal(Bytes{1, 2}, Bytes{1, 3}));
    EXPECT_FALSE(constant_time_equal(Bytes{1, 2}, Bytes{1}));
    EXPECT_FALSE(constant_time_equal(Bytes{1}, {}));
    for (std::size_t at = 0; at < 32; ++at) {
        Bytes other(32, 7);
        other[at] ^= 0x80U;
        EXPECT_FALSE(constant_time_equal(Bytes(32, 7), other));
    }
}

TEST(Wipe, Overwrites) {
    Bytes octets{1, 2, 3};
    wipe(octets);
    EXPECT_EQ(octets, Bytes(3, 0));
    wipe({});
}

}  // namespace
}  // namespace culvert
