#include "ike/v2/effort_budget.hpp"

#include <gtest/gtest.h>

#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {
namespace {

TEST(EffortBudget, IsSoMuchAtOnceAndThenSoMuchASecond) {
    EffortBudget budget;
    Instant now{std::chrono::seconds{1000}};
    EXPECT_TRUE(budget.spend(effort_at_once, now));
    EXPECT_FALSE(budget.spend(1, now));
    now += std::chrono::seconds{1};
    EXPECT_FALSE(budget.spend(effort_per_second + 1, now));
    EXPECT_TRUE(budget.spend(effort_per_second, now));
    EXPECT_FALSE(budget.spend(1, now));
}

TEST(EffortBudget, GrowsNoFurtherThanItWas) {
    EffortBudget budget;
    Instant now{};
    EXPECT_TRUE(budget.spend(1, now));
    now += std::chrono::hours{24};
    EXPECT_FALSE(budget.spend(effort_at_once + 1, now));
    EXPECT_TRUE(budget.spend(effort_at_once, now));
}

TEST(EffortBudget, EveryGroupCostsSomething) {
    for (unsigned method = 1; method < 100; ++method) {
        EXPECT_GE(effort_of(crypto::KeMethod{static_cast<std::uint16_t>(method)}), 1U) << method;
    }
    EXPECT_GT(effort_of(crypto::KeMethod::modp8192), effort_of(crypto::KeMethod::modp4096));
}

}  // namespace
}  // namespace culvert::ike::v2
