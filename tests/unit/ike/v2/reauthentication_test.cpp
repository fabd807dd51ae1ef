// Reauthentication, unique, dpd_action and close_action between two engines.

#include <set>

#include "engine_pair.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/restarts.hpp"

namespace culvert::ike::v2 {
namespace {

struct Reauthentication : testing::Test {
    Reauthentication() : first(gateway_config(1, 2)), second(gateway_config(2, 1)) {
        for (Config* config : {&first, &second}) {
            ChildConfig more = config->connections.front().children.front();
            more.name = "more";
            const bool is_first = config == &first;
            more.local_ts = {selector(is_first ? "10.1.1.0/24" : "10.2.1.0/24")};
            more.remote_ts = {selector(is_first ? "10.2.1.0/24" : "10.1.1.0/24")};
            config->connections.front().children.push_back(std::move(more));
        }
    }
    EnginePair pair() { return {std::move(first), std::move(second)}; }
    static std::size_t sas(Side& side, Instant now) { return side.engine().status(now).size(); }
    static std::size_t children(Side& side, Instant now) {
        std::size_t sum = 0;
        for (const auto& sa : side.engine().status(now)) { sum += sa.children.size(); }
        return sum;
    }
    // Of one side's actions: never fewer SAs installed than `least` once that many were.
    static bool never_fewer(const Side& side, std::size_t least) {
        std::size_t now = 0;
        bool reached = false;
        for (const Action& action : side.actions) {
            now += std::holds_alternative<InstallChild>(action) ? 1 : 0;
            now -= std::holds_alternative<RemoveChild>(action) ? 1 : 0;
            reached = reached || now >= least;
            if (reached && now < least) { return false; }
        }
        return reached;
    }
    Config first;
    Config second;
};

TEST_F(Reauthentication, MakesTheNewBeforeItBreaksTheOld) {
    first.connections.front().reauth_time = std::chrono::seconds{60};
    first.connections.front().rand_time = std::chrono::seconds{0};
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    ASSERT_TRUE(p.up(p.one, "more"));
    const std::uint64_t old = p.one.engine().status(p.now).front().initiator_spi;
    EXPECT_TRUE(p.one.engine().status(p.now).front().reauth_at);
    p.pass(std::chrono::seconds{70});
    EXPECT_NE(p.one.engine().status(p.now).front().initiator_spi, old);
    EXPECT_EQ(sas(p.one, p.now), 1U);
    EXPECT_EQ(sas(p.two, p.now), 1U);
    EXPECT_EQ(children(p.one, p.now), 2U);
    EXPECT_EQ(children(p.two, p.now), 2U);
    EXPECT_TRUE(never_fewer(p.one, 2));
    EXPECT_TRUE(never_fewer(p.two, 2));
}

TEST_F(Reauthentication, IsDoneForAPeerThatWantsIt) {  // RFC 4478
    second.connections.front().reauth_time = std::chrono::seconds{60};
    second.connections.front().over_time = std::chrono::seconds{20};
    first.connections.front().over_time = std::chrono::seconds{20};
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    const std::uint64_t old = p.one.engine().status(p.now).front().initiator_spi;
    p.pass(std::chrono::seconds{75});
    EXPECT_NE(p.one.engine().status(p.now).front().initiator_spi, old);
    EXPECT_EQ(sas(p.one, p.now), 1U);
    EXPECT_EQ(sas(p.two, p.now), 1U);
    EXPECT_TRUE(never_fewer(p.two, 1));
}

TEST_F(Reauthentication, IsTheInitiatorsWhereBothWantIt) {
    for (Config* config : {&first, &second}) {
        config->connections.front().reauth_time = std::chrono::seconds{8};
        config->connections.front().rekey_time = std::chrono::seconds{0};
        config->connections.front().over_time = std::chrono::seconds{20};
        config->connections.front().rand_time = std::chrono::seconds{0};
    }
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    p.pass(std::chrono::seconds{18});
    EXPECT_GT(p.one.engine().status(p.now).front().unique_id, 2U);
    EXPECT_EQ(sas(p.one, p.now), 1U);
    EXPECT_EQ(sas(p.two, p.now), 1U);
}

// Both begin before either hears of the other: one IKE SA must be left, whichever it is.
TEST_F(Reauthentication, OfBothEndsAtOnceLeavesOneIkeSa) {
    std::set<bool> stood;  // began by the first
    for (const Unique unique : {Unique::no, Unique::replace, Unique::keep}) {
        first = gateway_config(1, 2);
        second = gateway_config(2, 1);
        first.connections.front().unique = second.connections.front().unique = unique;
        EnginePair p = pair();
        ASSERT_TRUE(p.up(p.one, "net"));
        for (unsigned round = 0; round < 8; ++round) {
            const Rekey both{.id = CommandId{100 + round}, .ike = "gw", .reauth = true};
            p.one.take(p.one.engine().handle(both, p.now));
            p.two.take(p.two.engine().handle(both, p.now));
            p.settle();
            p.pass(std::chrono::seconds{25});
            ASSERT_EQ(sas(p.one, p.now), 1U) << round;
            ASSERT_EQ(sas(p.two, p.now), 1U) << round;
            EXPECT_EQ(children(p.one, p.now), 1U);
            EXPECT_EQ(children(p.two, p.now), 1U);
            stood.insert(p.one.engine().status(p.now).front().initiator);
        }
        EXPECT_TRUE(never_fewer(p.one, 1));
        EXPECT_TRUE(never_fewer(p.two, 1));
    }
    EXPECT_EQ(stood.size(), 2U);  // chance decides, for both ends the same
}

// The peer's new IKE SA is up, and its Delete of the old one still on the way.
TEST_F(Reauthentication, IsNotDoneOnceMoreWhereThePeerHasJustDoneIt) {
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    p.one.take(
        p.one.engine().handle(Rekey{.id = CommandId{90}, .ike = "gw", .reauth = true}, p.now));
    const auto established = [&] {
        const auto all = p.two.engine().status(p.now);
        return std::ranges::count(all, IkeState::established, &IkeSaStatus::state);
    };
    while (established() < 2) { p.step(); }
    p.two.take(p.two.engine().handle(
        Rekey{.id = CommandId{91}, .ike = "gw", .ike_id = 1, .reauth = true}, p.now));
    EXPECT_FALSE(p.two.ended(91).value());
    p.settle();
    EXPECT_EQ(sas(p.two, p.now), 1U);
}

TEST_F(Reauthentication, BreaksBeforeItMakesWhereConfigured) {
    first.settings.make_before_break = false;
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    ASSERT_TRUE(p.up(p.one, "more"));
    p.feed(p.one, Rekey{.id = CommandId{90}, .ike = "gw", .reauth = true});
    EXPECT_EQ(sas(p.one, p.now), 1U);
    EXPECT_EQ(children(p.two, p.now), 2U);
    EXPECT_FALSE(never_fewer(p.two, 2));
    EXPECT_TRUE(p.one.ended(90).value());
}

TEST_F(Reauthentication, KeepsTheVirtualAddress) {
    first.connections.front().vips = {IpAddress::any(IpFamily::v4)};
    second.connections.front().pools = {"p"};
    second.pools = {
        {.name = "p", .addresses = *IpRange::parse("10.3.0.1-10.3.0.9"), .attributes = {}}};
    for (auto& child : first.connections.front().children) {
        child.local_ts = {dynamic_selector()};
    }
    for (auto& child : second.connections.front().children) {
        child.remote_ts = {dynamic_selector()};
    }
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net")) << p.one.errors();
    p.feed(p.one, Rekey{.id = CommandId{90}, .ike = "gw", .reauth = true});
    ASSERT_TRUE(p.one.ended(90).value());
    EXPECT_EQ(p.one.engine().status(p.now).front().local_vips, std::vector{ip("10.3.0.1")});
    EXPECT_EQ(p.one.all<InstallVirtualAddress>().size(), 1U);  // it never left the host
    EXPECT_TRUE(p.one.all<RemoveVirtualAddress>().empty());
    // Only the client can ask for its address anew.
    p.feed(p.two, Rekey{.id = CommandId{91}, .ike = "gw", .reauth = true});
    EXPECT_FALSE(p.two.ended(91).value());
}

bool expired(const Side& side) {
    return std::ranges::any_of(side.all<Event>(),
                               [](const Event* event) { return event->alert == "ike-sa-expired"; });
}

// What only the peer can begin has an end, however often the IKE SA is rekeyed instead.
TEST_F(Reauthentication, RekeyingIsNoWayAroundIt) {
    for (Config* config : {&first, &second}) {
        Connection& connection = config->connections.front();
        connection.encap = true;  // as behind a NAT: not to be reached with a new IKE SA
        connection.rand_time = std::chrono::seconds{0};
        connection.over_time = std::chrono::seconds{config == &first ? 1 : 60};
    }
    second.connections.front().reauth_time = std::chrono::seconds{600};
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net")) << p.one.errors();
    p.pass(std::chrono::seconds{640});
    EXPECT_FALSE(p.two.engine().status(p.now).front().reauth_at);  // came, and was not ours to do
    p.feed(p.one, Rekey{.id = CommandId{90}, .ike = "gw"});
    ASSERT_TRUE(p.one.ended(90).value());
    p.cut = true;
    p.pass(std::chrono::seconds{18});
    EXPECT_FALSE(expired(p.two));
    p.pass(std::chrono::seconds{4});
    EXPECT_TRUE(expired(p.two));
}

// rand_time is by default a part of rekey_time, which may be many times reauth_time.
TEST_F(Reauthentication, IsNotDueAtOnceHoweverLongRandTimeIs) {
    first.connections.front().reauth_time = std::chrono::seconds{60};
    first.connections.front().rand_time = std::chrono::seconds{1440};
    EnginePair p = pair();
    for (int round = 0; round < 20; ++round) {
        ASSERT_TRUE(p.up(p.one, "net")) << p.one.errors();
        const auto due = p.one.engine().status(p.now).front().reauth_at;
        ASSERT_TRUE(due);
        EXPECT_GE(*due - p.now, std::chrono::seconds{30});
        p.down(p.one);
    }
}

// RFC 4478: what is told is what is kept.
TEST_F(Reauthentication, EndsWhenThePeerWasTold) {
    second.connections.front().reauth_time = std::chrono::seconds{3600};
    second.connections.front().over_time = std::chrono::seconds{300};
    second.connections.front().rand_time = std::chrono::seconds{1800};
    for (Config* config : {&first, &second}) {
        config->connections.front().encap = true;  // only the peer can begin
        config->connections.front().dpd_delay = std::chrono::seconds{0};
        config->connections.front().children.front().rekey_time = std::chrono::seconds{0};
        config->connections.front().children.front().life_time = std::chrono::seconds{0};
    }
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net")) << p.one.errors();
    p.cut = true;
    p.pass(std::chrono::seconds{3899});
    EXPECT_FALSE(expired(p.two));
    p.pass(std::chrono::seconds{2});
    EXPECT_TRUE(expired(p.two));
}

TEST_F(Reauthentication, TheOldOneGoesOnWhenTheNewOneIsRefused) {
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    Config other = gateway_config(2, 1);
    other.secrets.front().secret = Secret::copy_of(as_bytes("changed meanwhile"));
    p.two.take(p.two.engine().configure(std::make_shared<const Config>(std::move(other)), p.now));
    p.feed(p.one, Rekey{.id = CommandId{90}, .ike = "gw", .reauth = true});
    EXPECT_FALSE(p.one.ended(90).value());
    EXPECT_EQ(sas(p.one, p.now), 1U);
    EXPECT_EQ(children(p.one, p.now), 1U);
    EXPECT_TRUE(p.one.engine().status(p.now).front().reauth_at);  // it tries again
}

TEST_F(Reauthentication, KeepAndReplaceTakeItForTheSamePeer) {
    for (const Unique unique : {Unique::keep, Unique::replace}) {
        EnginePair p{gateway_config(1, 2), [&] {
                         Config config = gateway_config(2, 1);
                         config.connections.front().unique = unique;
                         return config;
                     }()};
        ASSERT_TRUE(p.up(p.one));
        p.feed(p.one, Rekey{.id = CommandId{90}, .ike = "gw", .reauth = true});
        EXPECT_TRUE(p.one.ended(90).value());
        EXPECT_TRUE(never_fewer(p.one, 1));
        p.pass(std::chrono::seconds{15});
        EXPECT_EQ(sas(p.one, p.now), 1U);
        EXPECT_EQ(sas(p.two, p.now), 1U);
    }
}

TEST_F(Reauthentication, WhatThePeerClosedComesUpAgain) {
    first.connections.front().children.front().close_action = StartAction::start;
    first.connections.front().children.at(1).close_action = StartAction::trap;
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    ASSERT_TRUE(p.up(p.one, "more"));
    p.down(p.two);
    EXPECT_EQ(sas(p.one, p.now), 0U);
    ASSERT_EQ(p.one.all<InstallTrap>().size(), 1U);
    EXPECT_EQ(p.one.all<InstallTrap>().front()->child, "more");
    p.pass(std::chrono::seconds{2});
    EXPECT_EQ(children(p.one, p.now), 1U);
    // What we close ourselves stays closed.
    p.down(p.one);
    p.pass(std::chrono::seconds{10});
    EXPECT_EQ(sas(p.one, p.now), 0U);
}

TEST_F(Reauthentication, WhatThePeerClosesAgainAndAgainComesUpLaterAndLater) {
    first.connections.front().children.front().close_action = StartAction::start;
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one, "net"));
    for (unsigned round = 0; round < 4; ++round) {
        ASSERT_EQ(children(p.one, p.now), 1U) << round;
        p.feed(p.two, Terminate{.id = CommandId{800 + round}, .child = "net"});
        EXPECT_EQ(children(p.one, p.now), 0U);
        p.pass(std::chrono::seconds{2});
        if (round == 3) { EXPECT_EQ(children(p.one, p.now), 0U); }
        p.pass(std::chrono::seconds{30});
    }
    EXPECT_EQ(children(p.one, p.now), 1U);
}

TEST_F(Reauthentication, ADeadPeerIsTriedAgainLaterAndLater) {
    first.connections.front().dpd_delay = std::chrono::seconds{5};
    first.connections.front().children.front().dpd_action = StartAction::start;
    first.settings.retransmit = {.timeout = std::chrono::milliseconds{500}, .base = 1, .tries = 2};
    second.connections.front().dpd_delay = std::chrono::seconds{5};
    second.settings.retransmit = first.settings.retransmit;
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one));
    for (unsigned round = 0; round < 4; ++round) {
        p.cut = true;
        p.pass(std::chrono::seconds{8});
        p.cut = false;
        p.pass(std::chrono::seconds{20});
        if (sas(p.one, p.now) == 0) { ASSERT_TRUE(p.up(p.one)); }
    }
    EXPECT_EQ(p.one.engine().counters().at("peer-flaps"), 2U);
    const bool told = std::ranges::any_of(p.one.all<Event>(), [](const Event* event) {
        return event->text.find("was lost 4 times lately") != std::string::npos;
    });
    EXPECT_TRUE(told);
}

TEST(RestartBook, WaitsLongerEachTimeAndForgets) {
    test::SeededRandom random{7};
    RestartBook book;
    Instant now{std::chrono::seconds{1000}};
    EXPECT_LE(book.lost("c", now, random).at - now, restart_spread);
    const auto second = book.lost("c", now, random);
    EXPECT_GE(second.at - now, restart_spread);
    EXPECT_EQ(second.losses, 2U);
    Duration last{};
    for (int i = 0; i < 20; ++i) { last = book.lost("c", now, random).at - now; }
    EXPECT_LE(last, restart_spread * 256);
    EXPECT_EQ(book.lost("other", now, random).losses, 1U);
    now += restart_window + std::chrono::seconds{1};
    EXPECT_EQ(book.lost("c", now, random).losses, 1U);
}

}  // namespace
}  // namespace culvert::ike::v2
