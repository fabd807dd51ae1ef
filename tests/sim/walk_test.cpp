// Every collision of RFC 7296 2.8 and 2.25: all orders of delivery, losses and duplicates up to a
// bound; `culvert-sim --walk all --losses 2` goes deeper. Each test also proves that its runs met
// what they claim to be about.

#include "sim/walk.hpp"

#include <gtest/gtest.h>

namespace culvert::sim {
namespace {

class Walk : public testing::TestWithParam<WalkCase> {};

TEST_P(Walk, S08_CT_CHILD_EveryOrderEndsInAgreement) {
    WalkReport first;
    // With three deeds there are too many ways to go all of them here.
    const bool small = GetParam().deeds.size() < 3;
    for (const std::uint64_t seed : {1U, 2U}) {
        const WalkReport report =
            walk(GetParam(), seed,
                 {.losses = 1, .duplicates = 0, .waits = 3, .states_max = small ? 5000U : 1500U});
        for (const std::string& complaint : report.complaints) {
            ADD_FAILURE() << "seed " << seed << ": " << complaint << "\nafter:" << report.how;
        }
        EXPECT_GT(report.ends, 10U);
        EXPECT_TRUE(report.complete || !small) << "cut off after " << report.states << " states";
        RecordProperty("states_of_seed_" + std::to_string(seed), std::to_string(report.states));
        std::cout << report.states << " states, " << report.ends << " ends"
                  << (report.complete ? "" : ", cut off") << '\n';
        first = report;
    }
    EXPECT_GT(first.tally["retransmits"], 0U);
}

INSTANTIATE_TEST_SUITE_P(Collisions, Walk, testing::ValuesIn(walk_cases()),
                         [](const testing::TestParamInfo<WalkCase>& param) {
                             std::string name{param.param.name};
                             std::ranges::replace(name, '-', '_');
                             return name;
                         });

}  // namespace
}  // namespace culvert::sim
