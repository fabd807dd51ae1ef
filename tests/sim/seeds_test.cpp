// Thousands of seeded runs. A failure names world and seed; `culvert-sim --world W --first SEED
// --seeds 1
// --verbose` plays it again. Each test also proves that its runs met what they claim to be about.

#include <gtest/gtest.h>

#include "sim/simulation.hpp"

namespace culvert::sim {
namespace {

Tally play_all(std::string_view name, std::uint64_t seeds) {
    const World* const world = find_world(name);
    EXPECT_NE(world, nullptr) << name;
    Tally sum;
    unsigned failed = 0;
    for (std::uint64_t seed = 1; world != nullptr && seed <= seeds && failed < 5; ++seed) {
        const Outcome outcome = play(*world, seed);
        for (const auto& [key, value] : outcome.tally) { sum[key] += value; }
        failed += outcome.complaints.empty() ? 0 : 1;
        for (const auto& complaint : outcome.complaints) {
            ADD_FAILURE() << "world " << name << " seed " << seed << ": " << complaint;
        }
    }
    return sum;
}

TEST(Seeds, APerfectNetworkAlwaysGivesATunnel) {
    Tally tally = play_all("plain", 200);
    EXPECT_GT(tally["agreed_child_ends"], 0U);
    EXPECT_GT(tally["wire_invalid_ke"], 0U);
}

TEST(Seeds, AThousandRunsWithLossEndInAgreement) {
    Tally tally = play_all("lossy", 1000);
    EXPECT_GT(tally["lost"], 1000U);
    EXPECT_GT(tally["duplicated"], 100U);
    EXPECT_GT(tally["corrupted"], 100U);
    EXPECT_GT(tally["retransmits"], 1000U);
    EXPECT_GT(tally["command_succeeded"], 1000U);
    EXPECT_GT(tally["command_failed"], 0U);  // both outcomes must have been seen
    EXPECT_GT(tally["agreed_ike_ends"], 100U);
    EXPECT_GT(tally["agreed_child_ends"], 100U);
    EXPECT_GT(tally["packets_opened"], 0U);
}

TEST(Seeds, CookiesAreAskedForAndAnswered) {
    Tally tally = play_all("cookies", 100);
    EXPECT_GT(tally["wire_cookie"], 100U);
    EXPECT_GT(tally["agreed_child_ends"], 100U);
}

TEST(Seeds, ANatIsFoundAndFollowed) {
    Tally tally = play_all("nat", 200);
    EXPECT_GT(tally["nat_encapsulated"], 100U);
    EXPECT_GT(tally["nat_rebound"], 10U);
    EXPECT_GT(tally["keep_alives"], 100U);
}

TEST(Seeds, RekeysEndInAgreement) {
    Tally tally = play_all("rekey", 500);
    EXPECT_GT(tally["child_rekeyed"], 100U);
    EXPECT_GT(tally["ike_rekeyed"], 50U);
    EXPECT_GT(tally["packets_opened"], 1000U);
}

TEST(Seeds, RekeysWithSeveralKeyExchangesEndInAgreement) {
    Tally tally = play_all("key-exchanges", 200);
    EXPECT_GT(tally["child_rekeyed"], 100U);
    EXPECT_GT(tally["ike_rekeyed"], 50U);
    EXPECT_GT(tally["retransmits"], 100U);
    EXPECT_GT(tally["packets_opened"], 1000U);
}

TEST(Seeds, S08RacesEndInAgreement) {
    Tally tally = play_all("races", 500);
    EXPECT_GT(tally["child_rekeyed"], 100U);
    EXPECT_GT(tally["ike_rekeyed"], 50U);
    EXPECT_GT(tally["error_temporary_failure"], 300U);  // a storm (one peer alone: abuse, S08)
    EXPECT_GT(tally["error_child_sa_not_found"], 10U);
}

TEST(Seeds, NoPacketIsLostToARekey) {
    Tally tally = play_all("handover", 200);
    EXPECT_GT(tally["child_rekeyed"], 500U);
    EXPECT_GT(tally["ike_rekeyed"], 200U);
    EXPECT_GT(tally["packets_opened"], 100'000U);
}

TEST(Seeds, WhatIsMisconfiguredIsRefusedAndExplained) {
    Tally tally = play_all("misconfigured", 200);
    EXPECT_GT(tally["explained"], 150U);
    EXPECT_GT(tally["error_authentication_failed"], 0U);
    EXPECT_GT(tally["error_no_proposal_chosen"], 0U);
    EXPECT_GT(tally["error_ts_unacceptable"], 0U);
}

TEST(Seeds, VirtualAddressesBelongToOnePeerEach) {
    Tally tally = play_all("addresses", 200);
    EXPECT_GT(tally["addresses_installed"], 500U);
    EXPECT_GT(tally["addresses_held"], 200U);
    EXPECT_GT(tally["ike_rekeyed"], 50U);
}

TEST(Seeds, ItMovesAndTheSasFollow) {
    Tally tally = play_all("mobike", 200);
    EXPECT_GT(tally["moves"], 200U);
    EXPECT_GT(tally["endpoints_updated"], 400U);
    EXPECT_GT(tally["children_at_the_right_place"], 200U);
    EXPECT_GT(tally["ike_rekeyed"], 50U);
}

TEST(Seeds, RedirectsAndCrashesEndWithOneGateway) {
    Tally tally = play_all("redirect", 100);
    EXPECT_GT(tally["redirected"], 100U);
    EXPECT_GT(tally["restarts_shown"], 10U);
    EXPECT_GT(tally["at_the_second_gateway"], 10U);
    EXPECT_GT(tally["ike_rekeyed"], 20U);
}

TEST(Seeds, EverythingAtOnceEndsInAgreementAndComesUpAgain) {
    Tally tally = play_all("everything", 30);
    EXPECT_GT(tally["peers"], 100U);
    EXPECT_GT(tally["restarts"], 10U);
    EXPECT_GT(tally["sleeps"], 10U);
    EXPECT_GT(tally["leaps"], 10U);
    EXPECT_GT(tally["moves"], 0U);
    EXPECT_GT(tally["nat_rebound"], 0U);
    EXPECT_GT(tally["cut_off"], 20U);
    EXPECT_GT(tally["peers_dead"], 10U);
    EXPECT_GT(tally["wire_cookie"], 0U);
    EXPECT_GT(tally["addresses_installed"], 20U);
    EXPECT_GT(tally["came_up_again"], 100U);
    EXPECT_GT(tally["wire_ticket"], 2U);
    EXPECT_GT(tally["wire_rounds"], 5U);
    EXPECT_GT(tally["ends_with_eap"], 10U);
    EXPECT_GT(tally["ends_with_eap_in_rounds"], 5U);
    EXPECT_GT(tally["wire_fragments"], 100U);
    EXPECT_GT(tally["wire_intermediate"], 20U);
    EXPECT_GT(tally["name_servers_used"], 20U);
    EXPECT_GT(tally["agreed_transport_ends"], 10U);
}

TEST(Seeds, TheSameSeedGivesTheSameRun) {
    const World* const world = find_world("lossy");
    ASSERT_NE(world, nullptr);
    EXPECT_EQ(play(*world, 7).tally, play(*world, 7).tally);
    EXPECT_NE(play(*world, 7).tally, play(*world, 8).tally);
}

}  // namespace
}  // namespace culvert::sim
