// The SAD against a plain map; which outbound SA of a reqid serves a packet.

#include "ipsec/sad.hpp"

#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

std::shared_ptr<InboundSa> inbound(EspSpi spi) {
    ChildSa sa = test::child_sa();
    sa.inbound_spi = spi;
    return InboundSa::create(sa, Instant{}).value();
}

std::shared_ptr<OutboundSa> outbound(std::uint32_t id, std::uint32_t reqid = 1,
                                     std::string_view remote = "10.2.0.0/16",
                                     std::optional<std::uint16_t> resource = {}) {
    ChildSa sa = test::child_sa();
    sa.resource = resource;
    sa.id = ChildSaId{id};
    sa.reqid = ReqId{reqid};
    sa.remote_ts = test::ts_list({remote});
    culvert::test::SeededRandom random{1};
    return OutboundSa::create(sa, random, Instant{}).value();
}

TEST(Sad, agrees_with_a_plain_map_and_snapshots_stay_as_they_were) {
    culvert::test::SeededRandom random{4};
    std::vector<std::shared_ptr<InboundSa>> pool;
    for (std::uint32_t i = 0; i < 400; ++i) { pool.push_back(inbound(EspSpi{256 + i * 0x10000U})); }
    Sad sad;
    std::map<EspSpi, InboundSa*> model;
    std::vector<std::pair<Sad, std::map<EspSpi, InboundSa*>>> snapshots;
    for (int step = 0; step < 6000; ++step) {
        const auto& sa = pool[random.below(pool.size())];
        if (random.chance(55)) {
            sad.add(sa);
            model[sa->spi()] = sa.get();
        } else {
            sad.remove_inbound(sa->spi());
            model.erase(sa->spi());
        }
        ASSERT_EQ(sad.inbound_count(), model.size());
        if (step % 500 == 0) { snapshots.emplace_back(sad, model); }
    }
    snapshots.emplace_back(sad, model);
    for (const auto& [snapshot, wanted] : snapshots) {
        std::vector<EspSpi> spis;
        for (const auto& sa : pool) { spis.push_back(sa->spi()); }
        std::vector<InboundSa*> found(spis.size());
        snapshot.find(spis, found);
        for (std::size_t i = 0; i < spis.size(); ++i) {
            const auto at = wanted.find(spis[i]);
            ASSERT_EQ(found[i], at == wanted.end() ? nullptr : at->second);
            ASSERT_EQ(snapshot.find(spis[i]), found[i]);
        }
    }
}

TEST(Sad, the_newest_sa_of_a_reqid_sends_and_an_older_one_takes_over) {
    Sad sad;
    const PacketInfo packet = test::info_of(test::make({}));
    EXPECT_EQ(sad.outbound(ReqId{1}, packet), nullptr);
    const auto first = outbound(1);
    const auto second = outbound(2);
    const auto late = outbound(3);
    sad.add(first);
    sad.add(second);
    EXPECT_EQ(sad.outbound(ReqId{1}, packet), second.get());
    sad.add_behind(late);
    EXPECT_EQ(sad.outbound(ReqId{1}, packet), second.get());
    sad.remove_outbound(ReqId{1}, ChildSaId{2});
    EXPECT_EQ(sad.outbound(ReqId{1}, packet), first.get());
    sad.remove_outbound(ReqId{1}, ChildSaId{1});
    EXPECT_EQ(sad.outbound(ReqId{1}, packet), late.get());
    sad.remove_outbound(ReqId{1}, ChildSaId{3});
    EXPECT_FALSE(sad.has_outbound(ReqId{1}));
}

TEST(Sad, an_sa_whose_selectors_do_not_cover_the_packet_does_not_send_it) {
    Sad sad;
    const auto wide = outbound(1);
    const auto narrow = outbound(2, 1, "10.2.9.0/24");
    sad.add(wide);
    sad.add(narrow);
    EXPECT_EQ(sad.outbound(ReqId{1}, test::info_of(test::make({}))), wide.get());
    EXPECT_EQ(sad.outbound(ReqId{1}, test::info_of(test::make({.destination = "10.2.9.1"}))),
              narrow.get());
    EXPECT_EQ(sad.outbound(ReqId{1}, test::info_of(test::make({.destination = "10.9.9.1"}))),
              nullptr);
    EXPECT_EQ(sad.outbound(ReqId{2}, test::info_of(test::make({}))), nullptr);
}

// RFC 9611.
TEST(Sad, of_several_alike_each_worker_has_its_own) {
    Sad sad;
    const PacketInfo packet = test::info_of(test::make({}));
    const auto first = outbound(1, 1, "10.2.0.0/16", 0);
    const auto second = outbound(2, 1, "10.2.0.0/16", 1);
    sad.add(first);
    EXPECT_EQ(sad.outbound(ReqId{1}, packet, 1), first.get());
    sad.add(second);
    EXPECT_EQ(sad.outbound(ReqId{1}, packet, 0), first.get());
    EXPECT_EQ(sad.outbound(ReqId{1}, packet, 1), second.get());
    EXPECT_EQ(sad.outbound(ReqId{1}, packet, 2), first.get());
    const auto rekeyed = outbound(3, 1, "10.2.0.0/16", 0);
    sad.add(rekeyed);
    EXPECT_EQ(sad.outbound(ReqId{1}, packet, 0), rekeyed.get());
    EXPECT_EQ(sad.outbound(ReqId{1}, packet, 1), second.get());
    sad.remove_outbound(ReqId{1}, ChildSaId{2});
    EXPECT_EQ(sad.outbound(ReqId{1}, packet, 1), rekeyed.get());
}

TEST(Sad, an_sa_of_the_same_id_takes_its_place) {
    Sad sad;
    const auto first = outbound(1);
    const auto second = outbound(2);
    sad.add(first);
    sad.add(second);
    const auto moved = first->with_endpoints({Endpoint{test::ip("192.0.2.7")}, {}, false});
    sad.add(moved);
    const PacketInfo packet = test::info_of(test::make({}));
    EXPECT_EQ(sad.outbound(ReqId{1}, packet), second.get());
    sad.remove_outbound(ReqId{1}, ChildSaId{2});
    EXPECT_EQ(sad.outbound(ReqId{1}, packet), moved.get());
}

TEST(Sad, many_reqids) {
    Sad sad;
    for (std::uint32_t i = 1; i <= 500; ++i) { sad.add(outbound(i, i * 7)); }
    const PacketInfo packet = test::info_of(test::make({}));
    for (std::uint32_t i = 1; i <= 500; ++i) {
        ASSERT_NE(sad.outbound(ReqId{i * 7}, packet), nullptr);
        ASSERT_EQ(sad.outbound(ReqId{i * 7}, packet)->id(), ChildSaId{i});
        ASSERT_FALSE(sad.has_outbound(ReqId{i * 7 + 1}));
    }
}

}  // namespace
}  // namespace culvert::ipsec
