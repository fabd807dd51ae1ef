#include "base/strong.hpp"

#include <concepts>
#include <type_traits>
#include <unordered_set>

#include <gtest/gtest.h>

namespace culvert {
namespace {

using Apples = Strong<struct ApplesTag, std::uint32_t>;
using Pears = Strong<struct PearsTag, std::uint32_t>;

// What must not compile.
static_assert(!std::convertible_to<std::uint32_t, Apples>);
static_assert(!std::convertible_to<Apples, std::uint32_t>);
static_assert(!std::constructible_from<Apples, Pears>);
static_assert(!std::equality_comparable_with<Apples, Pears>);
template <class T>
concept Addable = requires(T a, T b) { a + b; };
static_assert(!Addable<Apples>);

TEST(Strong, KeepsOrderAndValue) {
    EXPECT_EQ(Apples{}.value(), 0U);
    EXPECT_LT(Apples{1}, Apples{2});
    EXPECT_EQ(Apples{7}, Apples{7});
    const std::unordered_set<Apples> some{Apples{1}, Apples{1}, Apples{2}};
    EXPECT_EQ(some.size(), 2U);
}

}  // namespace
}  // namespace culvert
