// What is installed, and what follows from it: entries of the SPD that SAs share, retired SAs,
// deadlines, paths.

#include "plane/user/sa_book.hpp"

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::plane {
namespace {

using namespace std::chrono_literals;

ChildSa child(std::uint32_t id, std::uint32_t reqid = 1, std::string_view remote = "192.0.2.2") {
    ChildSa sa;
    sa.id = ChildSaId{id};
    sa.reqid = ReqId{reqid};
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 128};
    sa.local = *Endpoint::parse("192.0.2.1");
    sa.remote = *Endpoint::parse(remote);
    sa.inbound_spi = EspSpi{0x1000 + id};
    sa.outbound_spi = EspSpi{0x2000 + id};
    sa.inbound.encryption = Secret(20);
    sa.outbound.encryption = Secret(20);
    sa.local_ts = {*TrafficSelector::parse("10.1.0.0/16")};
    sa.remote_ts = {*TrafficSelector::parse("10.2.0.0/16")};
    return sa;
}

class SaBookTest : public ::testing::Test {
 protected:
    void add(const ChildSa& sa) { ASSERT_TRUE(book.add(sa, 0, random, now)); }

    SaBook book;
    culvert::test::SeededRandom random{1};
    Instant now{};
};

TEST_F(SaBookTest, sas_that_follow_one_another_share_an_entry) {
    add(child(1));
    const auto spd = book.spd();
    add(child(2));
    EXPECT_EQ(book.spd(), spd);
    book.remove(ChildSaId{1});
    EXPECT_EQ(book.spd(), spd);
    EXPECT_EQ(book.spd_entries().size(), 1U);
    ChildSa wider = child(3);
    wider.remote_ts = {*TrafficSelector::parse("10.0.0.0/8")};
    add(wider);
    EXPECT_NE(book.spd(), spd);
    EXPECT_EQ(book.spd_entries().size(), 2U);
    book.remove(ChildSaId{2});
    book.remove(ChildSaId{3});
    EXPECT_TRUE(book.spd_entries().empty());
    EXPECT_EQ(book.sad().inbound_count(), 0U);
}

// Who protects some protocols only leaves the others alone; what a peer has narrowed does not.
TEST_F(SaBookTest, the_rest_of_a_policy_for_some_protocols_leaves_in_clear) {
    ChildSa gre = child(1);
    gre.local_ts = {*TrafficSelector::parse("10.1.0.1[gre]")};
    gre.remote_ts = {*TrafficSelector::parse("10.2.0.1[gre]")};
    const auto action_of = [&](const char* source, const char* destination, std::uint8_t protocol) {
        const ipsec::PacketInfo info{.source = *IpAddress::parse(source),
                                     .destination = *IpAddress::parse(destination),
                                     .protocol = protocol};
        return book.spd()->lookup_outbound(info).action;
    };
    add(gre);
    EXPECT_EQ(action_of("10.1.0.1", "10.2.0.1", 47), PolicyAction::protect);
    EXPECT_EQ(action_of("10.1.0.1", "10.2.0.1", 6), PolicyAction::discard);
    book.remove(gre.id);
    gre.leaves_rest = true;
    add(gre);
    EXPECT_EQ(action_of("10.1.0.1", "10.2.0.1", 47), PolicyAction::protect);
    EXPECT_EQ(action_of("10.1.0.1", "10.2.0.1", 6), PolicyAction::bypass);
    EXPECT_EQ(action_of("10.1.0.2", "10.2.0.1", 6), PolicyAction::discard);
    // What another policy names is its.
    add(child(2));
    EXPECT_EQ(action_of("10.1.0.1", "10.2.0.1", 6), PolicyAction::protect);
    book.remove(gre.id);
    book.remove(ChildSaId{2});
    EXPECT_TRUE(book.spd_entries().empty());
    book.add(Policy{.connection = "gw",
                    .name = "smtp",
                    .action = PolicyAction::discard,
                    .local_ts = {*TrafficSelector::parse("10.1.0.0/16")},
                    .remote_ts = {*TrafficSelector::parse("0.0.0.0/0[tcp/25]")}});
    EXPECT_EQ(action_of("10.1.0.1", "10.2.0.1", 17), PolicyAction::bypass);
    book.remove("gw", "smtp");
    EXPECT_TRUE(book.spd_entries().empty());
}

TEST_F(SaBookTest, with_the_last_sa_of_a_reqid_the_retired_ones_go) {
    add(child(1));
    add(child(2));
    add(child(3, 9));
    book.retire(ChildSaId{1}, now + 60s);
    EXPECT_FALSE(book.remove_retired(now));
    book.remove(ChildSaId{2});
    EXPECT_EQ(book.size(), 1U);
    EXPECT_EQ(book.sad().find(EspSpi{0x1001}), nullptr);
    book.retire(ChildSaId{3}, now + 60s);
    EXPECT_TRUE(book.remove_retired(now + 60s));
    EXPECT_EQ(book.size(), 0U);
}

TEST_F(SaBookTest, a_policy_of_the_same_name_takes_the_place_of_the_first) {
    Policy policy{.connection = "gw",
                  .name = "net",
                  .action = PolicyAction::discard,
                  .local_ts = {*TrafficSelector::parse("10.1.0.0/16")},
                  .remote_ts = {*TrafficSelector::parse("10.3.0.0/16")}};
    book.add(policy);
    policy.action = PolicyAction::bypass;
    book.add(policy);
    ASSERT_EQ(book.spd_entries().size(), 1U);
    EXPECT_EQ(book.spd_entries()[0].action, PolicyAction::bypass);
    book.remove("gw", "net");
    book.remove("gw", "net");
    EXPECT_TRUE(book.spd_entries().empty());
}

TEST_F(SaBookTest, each_edge_of_a_lifetime_is_told_although_a_worker_took_the_first) {
    ChildSa sa = child(1);
    sa.lifetime.soft_time = 10s;
    sa.lifetime.hard_time = 20s;
    add(sa);
    EXPECT_TRUE(book.take_lifetime_events(now + 9s).empty());
    book.sad().find(sa.inbound_spi)->take_lifetime_event(now + 10s);
    book.sad().newest_outbound(sa.reqid)->take_lifetime_event(now + 10s);
    EXPECT_TRUE(book.take_lifetime_events(now + 10s).empty());
    EXPECT_TRUE(book.take_lifetime_events(now + 19s).empty());
    const auto events = book.take_lifetime_events(now + 20s);
    ASSERT_EQ(events.size(), 2U);  // both directions
    EXPECT_EQ(events[0].second, ipsec::LifetimeEvent::hard);
    EXPECT_TRUE(book.take_lifetime_events(now + 30s).empty());
}

TEST_F(SaBookTest, paths_belong_to_the_address_that_is_sent_to) {
    add(child(1));
    add(child(2, 2, "192.0.2.3"));
    const IpAddress two = *IpAddress::parse("192.0.2.2");
    const IpAddress three = *IpAddress::parse("192.0.2.3");
    EXPECT_TRUE(book.set_path_mtu(two, 1400));
    EXPECT_EQ(book.path_mtu_to(two), 1400U);
    EXPECT_EQ(book.path_mtu_to(three), 0U);
    ASSERT_TRUE(book.update_endpoints(ChildSaId{1},
                                      {.local = {}, .remote = *Endpoint::parse("192.0.2.3")}, 0));
    EXPECT_EQ(book.remotes(), std::vector{three});
    // An error is believed of an SPI that goes to that address only.
    const Bytes spi{0, 0, 0x20, 1};
    EXPECT_FALSE(book.believe_path_mtu(two, spi, 1300));
    EXPECT_TRUE(book.believe_path_mtu(three, spi, 1300));
}

}  // namespace
}  // namespace culvert::plane
