// What only shows over time: counters that say that ESP is blocked or large packets are lost, peers
// that flap, two hosts with one identity, a NAT that nobody traverses.

#include <chrono>
#include <memory>

#include <gtest/gtest.h>

#include "daemon/child_watch.hpp"
#include "daemon/peer_watch.hpp"

namespace culvert::daemon {
namespace {

using namespace std::chrono_literals;
using ike::EventKind;
using ike::IkeState;

// ---- Child SAs

class Child {
 public:
    // A second passes.
    std::vector<Finding> second() {
        now_ += 1s;
        return watch_.look(counters, now_, [] {
            return ChildWatch::About{.connection = "gw",
                                     .child = "net",
                                     .remote = {*IpAddress::parse("192.0.2.2"), 500},
                                     .udp_encap = false,
                                     .more_to_do = "; and more"};
        });
    }
    std::vector<Finding> seconds(int count) {
        std::vector<Finding> out;
        for (int i = 0; i < count; ++i) {
            for (Finding& one : second()) { out.push_back(std::move(one)); }
        }
        return out;
    }

    ChildSaCounters counters{.inner_mtu = 1400};

 private:
    ChildWatch watch_;
    Instant now_{1h};
};

TEST(ChildWatch, TellsOnceOfPacketsThatLeaveWithNoneComingBack) {
    Child child;
    child.counters.outbound_packets = 20;
    const auto found = child.seconds(60);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].failure.connection, "gw");
    EXPECT_EQ(found[0].failure.child, "net");
    EXPECT_NE(found[0].failure.error.remedy.find("IP protocol 50"), std::string::npos);
    EXPECT_NE(found[0].failure.error.remedy.find("; and more"), std::string::npos);
}

TEST(ChildWatch, TellsOfATunnelThatWorkedAndDoesNoMore) {
    Child child;
    for (int i = 0; i < 5; ++i) {
        child.counters.outbound_packets += 10;
        child.counters.inbound_packets += 10;
        EXPECT_TRUE(child.second().empty());
    }
    // For a while there may be nothing to say.
    child.counters.outbound_packets += 20;
    EXPECT_TRUE(child.seconds(20).empty());
    const auto found = child.seconds(60);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].failure.error.received.find("20 out and none in"), std::string::npos);
    EXPECT_NE(found[0].text.find("none came back since"), std::string::npos) << found[0].text;
}

TEST(ChildWatch, SaysNothingOfATunnelThatWorksOrIsIdle) {
    Child child;
    EXPECT_TRUE(child.seconds(60).empty());
    for (int i = 0; i < 60; ++i) {
        child.counters.outbound_packets += 10;
        child.counters.inbound_packets += 10;
        child.counters.inbound_sent += 10;
        child.counters.inbound_arrived += 10;
        child.counters.inbound_largest = 100;
        EXPECT_TRUE(child.second().empty());
    }
}

TEST(ChildWatch, TellsOnceOfAPathOnWhichOnlySmallOnesArrive) {
    Child child;
    std::vector<Finding> found;
    for (int i = 0; i < 60; ++i) {
        child.counters.inbound_packets += 1;
        child.counters.inbound_sent += 3;
        child.counters.inbound_arrived += 1;
        child.counters.inbound_largest = 1100;
        for (Finding& one : child.second()) { found.push_back(std::move(one)); }
    }
    ASSERT_EQ(found.size(), 1U);
    const Error& error = found[0].failure.error;
    EXPECT_NE(error.received.find("none of more than 1100 octets"), std::string::npos);
    EXPECT_NE(error.remedy.find("MTU black hole"), std::string::npos);
    EXPECT_NE(error.remedy.find("culvert diagnose net"), std::string::npos);
}

TEST(ChildWatch, KnowsNoBlackHoleWhereFullPacketsArriveOrFewAreLost) {
    Child bad_path;
    Child good_path;
    for (int i = 0; i < 60; ++i) {
        bad_path.counters.inbound_packets += 5;
        bad_path.counters.inbound_sent += 10;
        bad_path.counters.inbound_arrived += 5;
        bad_path.counters.inbound_largest = 1400;
        EXPECT_TRUE(bad_path.second().empty());
        good_path.counters.inbound_packets += 99;
        good_path.counters.inbound_sent += 100;
        good_path.counters.inbound_arrived += 99;
        good_path.counters.inbound_largest = 200;
        EXPECT_TRUE(good_path.second().empty());
    }
}

// ---- peers

class Peers {
 public:
    struct Sa {
        std::uint32_t id = 0;
        const char* from = "192.0.2.2";
        IkeState state = IkeState::established;
        std::uint16_t port = 4500;
        bool traversal = true;
        bool initiator = false;
        const char* local = "192.0.2.1";
    };

    std::vector<Finding> tell(EventKind kind, const Sa& sa) {
        now_ += 10s;
        ike::Event event{.kind = kind, .connection = "gw", .ike_unique_id = sa.id};
        ike::IkeSaStatus status;
        status.connection = "gw";
        status.unique_id = sa.id;
        status.state = sa.state;
        status.local = {*IpAddress::parse(sa.local), 500};
        status.remote = {*IpAddress::parse(sa.from), sa.port};
        status.local_id = *ike::Identity::parse("gate.example");
        status.remote_id = *ike::Identity::parse("peer.example");
        status.nat_traversal = sa.traversal;
        status.initiator = sa.initiator;
        if (kind != EventKind::peer_dead) {
            event.ike = std::make_shared<const ike::IkeSaStatus>(std::move(status));
        }
        return watch_.on_event(event, now_);
    }
    std::vector<Finding> up(const Sa& sa) { return tell(EventKind::ike_up, sa); }
    std::vector<Finding> down(const Sa& sa) { return tell(EventKind::ike_down, sa); }
    std::vector<Finding> forgets(std::uint32_t id) {
        return watch_.on_event({.kind = EventKind::note,
                                .connection = "gw",
                                .ike_unique_id = id,
                                .text = "IKE SA gw[1] dropped: peer.example says INITIAL_CONTACT: "
                                        "it has forgotten this IKE SA"},
                               now_);
    }
    void later(Duration time) { now_ += time; }

 private:
    PeerWatch watch_;
    Instant now_{1h};
};

TEST(PeerWatch, TellsOfAPeerThatDiesAndComesBackThreeTimes) {
    Peers peers;
    std::vector<Finding> found;
    for (std::uint32_t id = 1; id <= 4; ++id) {
        found = peers.up({.id = id});
        if (id == 4) { break; }
        EXPECT_TRUE(found.empty());
        EXPECT_TRUE(peers.tell(EventKind::peer_dead, {.id = id}).empty());
        EXPECT_TRUE(peers.down({.id = id}).empty());
    }
    ASSERT_EQ(found.size(), 1U);
    const Error& error = found[0].failure.error;
    EXPECT_EQ(error.wanted, "an IKE SA with peer.example that stays up");
    EXPECT_NE(error.received.find("lost 3 times in"), std::string::npos) << error.received;
    EXPECT_NE(error.received.find("3 times it did not answer (DPD)"), std::string::npos);
    EXPECT_NE(error.remedy.find("dpd_delay"), std::string::npos);
    EXPECT_NE(error.remedy.find("another host calls itself gate.example"), std::string::npos);
}

TEST(PeerWatch, TellsOfAPeerThatGivesUsUpAgainAndAgain) {
    Peers peers;
    std::vector<Finding> found;
    for (std::uint32_t id = 1; id <= 4; ++id) {
        found = peers.up({.id = id, .initiator = true});
        if (id != 4) { EXPECT_TRUE(peers.down({.id = id, .initiator = true}).empty()); }
    }
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].failure.error.received.find("3 times the peer gave it up"),
              std::string::npos);
}

// It takes us for dead: its new IKE SA says INITIAL_CONTACT, and the old one is dropped.
TEST(PeerWatch, TellsOfAPeerThatForgetsUsAgainAndAgain) {
    Peers peers;
    std::vector<Finding> found;
    EXPECT_TRUE(peers.up({.id = 1}).empty());
    for (std::uint32_t id = 2; id <= 4; ++id) {
        EXPECT_TRUE(found.empty());
        EXPECT_TRUE(peers.up({.id = id}).empty());
        EXPECT_TRUE(peers.forgets(id - 1).empty());
        found = peers.down({.id = id - 1});
    }
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].failure.error.received.find("3 times the peer gave it up"),
              std::string::npos);
}

TEST(PeerWatch, BearsWhatIsClosedInOrderAndWhatIsLostSeldom) {
    Peers closed;
    Peers client;
    Peers seldom;
    for (std::uint32_t id = 1; id <= 20; ++id) {
        EXPECT_TRUE(closed.up({.id = id}).empty());
        EXPECT_TRUE(closed.down({.id = id, .state = IkeState::deleting}).empty());
        EXPECT_TRUE(client.up({.id = id}).empty());
        EXPECT_TRUE(client.down({.id = id}).empty());
        EXPECT_TRUE(seldom.up({.id = id}).empty());
        EXPECT_TRUE(seldom.tell(EventKind::peer_dead, {.id = id}).empty());
        EXPECT_TRUE(seldom.down({.id = id}).empty());
        seldom.later(1h);
    }
}

// Make before break: the old one ends while the new one stands.
TEST(PeerWatch, BearsReauthentication) {
    Peers peers;
    EXPECT_TRUE(peers.up({.id = 1}).empty());
    for (std::uint32_t id = 2; id <= 20; ++id) {
        EXPECT_TRUE(peers.up({.id = id}).empty());
        EXPECT_TRUE(peers.down({.id = id - 1}).empty());
    }
}

TEST(PeerWatch, TellsOfTwoHostsWithOneIdentity) {
    Peers peers;
    std::vector<Finding> found;
    const auto host = [](std::uint32_t id) { return id % 2 == 0 ? "192.0.2.2" : "192.0.2.3"; };
    EXPECT_TRUE(peers.up({.id = 1, .from = host(1)}).empty());
    for (std::uint32_t id = 2; id <= 4; ++id) {
        EXPECT_TRUE(peers.up({.id = id, .from = host(id)}).empty());
        found = peers.down({.id = id - 1, .from = host(id - 1), .state = IkeState::deleting});
        if (id != 4) { EXPECT_TRUE(found.empty()); }
    }
    ASSERT_EQ(found.size(), 1U);
    const Error& error = found[0].failure.error;
    EXPECT_EQ(error.wanted, "one peer that is peer.example");
    EXPECT_NE(error.received.find("192.0.2.3 and 192.0.2.2 are it in turn, 3 times"),
              std::string::npos)
        << error.received;
    EXPECT_NE(error.remedy.find("connections.gw.unique = never"), std::string::npos);
}

TEST(PeerWatch, BearsAHostThatHasMovedOnce) {
    Peers peers;
    EXPECT_TRUE(peers.up({.id = 1, .from = "192.0.2.2"}).empty());
    EXPECT_TRUE(peers.up({.id = 2, .from = "192.0.2.3"}).empty());
    EXPECT_TRUE(peers.down({.id = 1, .from = "192.0.2.2", .state = IkeState::deleting}).empty());
}

TEST(PeerWatch, TellsOnceOfANatToAPeerWithoutTraversal) {
    Peers peers;
    const auto found = peers.up({.id = 1, .port = 1027, .traversal = false});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_NE(found[0].failure.error.received.find("from port 1027"), std::string::npos);
    EXPECT_TRUE(peers.up({.id = 2, .port = 1027, .traversal = false}).empty());
    Peers behind;
    const auto ours = behind.up({.id = 1,
                                 .from = "198.51.100.7",
                                 .port = 500,
                                 .traversal = false,
                                 .initiator = true,
                                 .local = "192.168.1.2"});
    ASSERT_EQ(ours.size(), 1U);
    EXPECT_NE(ours[0].failure.error.received.find("one is a private address"), std::string::npos);
}

TEST(PeerWatch, SeesNoNatWhereThereIsNone) {
    Peers peers;
    EXPECT_TRUE(peers.up({.id = 1, .port = 1027}).empty());
    Peers plain;
    EXPECT_TRUE(plain.up({.id = 1, .port = 500, .traversal = false}).empty());
    Peers both;
    EXPECT_TRUE(
        both.up({.id = 1, .from = "10.0.0.2", .port = 500, .traversal = false, .local = "10.0.0.1"})
            .empty());
}

}  // namespace
}  // namespace culvert::daemon
