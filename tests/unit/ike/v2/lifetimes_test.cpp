// Lifetimes that are over (RFC 7296 2.8), between two engines: what is wanted comes again.

#include "engine_pair.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

Config short_lived(unsigned self, unsigned other) {
    Config config = gateway_config(self, other);
    ChildConfig& child = config.connections.front().children.front();
    child.rekey_time = seconds{0};
    child.life_time = seconds{30};
    return config;
}

TEST(Lifetimes, AChildThatIsNotRekeyedInTimeIsMadeAgain) {
    for (const bool by_who_began : {true, false}) {
        SCOPED_TRACE(by_who_began);
        EnginePair pair{by_who_began ? short_lived(1, 2) : gateway_config(1, 2),
                        by_who_began ? gateway_config(2, 1) : short_lived(2, 1)};
        ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
        const auto old = pair.one.engine().status(pair.now).front().children.front().inbound_spi;
        pair.pass(seconds{40});
        const auto now = pair.one.engine().status(pair.now);
        ASSERT_EQ(now.size(), 1U);
        ASSERT_EQ(now.front().children.size(), 1U);
        EXPECT_NE(now.front().children.front().inbound_spi, old);
        EXPECT_EQ(pair.two.engine().status(pair.now).front().children.size(), 1U);
    }
}

TEST(Lifetimes, BothEndsMakeOneAgain) {
    EnginePair pair{short_lived(1, 2), short_lived(2, 1)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.pass(seconds{45});
    EXPECT_EQ(pair.one.engine().status(pair.now).front().children.size(), 1U);
    EXPECT_EQ(pair.two.engine().status(pair.now).front().children.size(), 1U);
}

TEST(Lifetimes, BytesThatAreUsedUp) {
    EnginePair pair{gateway_config(1, 2), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const auto old = pair.one.engine().status(pair.now).front().children.front();
    pair.feed(pair.one, Expire{.id = old.id, .hard = true});
    const auto now = pair.one.engine().status(pair.now).front();
    ASSERT_EQ(now.children.size(), 1U);
    EXPECT_NE(now.children.front().inbound_spi, old.inbound_spi);
}

// The peer refuses all fresh keys, and then does no more.
TEST(Lifetimes, AnIkeSaThatIsNotRekeyedInTimeBeginsAgain) {
    Config one = gateway_config(1, 2);
    one.connections.front().rekey_time = seconds{60};
    one.connections.front().over_time = seconds{20};
    one.connections.front().children.front().start_action = StartAction::start;
    EnginePair pair{std::move(one), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const auto old = pair.one.engine().status(pair.now).front().initiator_spi;
    Config other = gateway_config(2, 1);
    other.connections.front().proposals =
        parse_proposals(ProtocolId::ike, "aes128gcm16-prfsha256-ecp256").value();
    pair.two.take(
        pair.two.engine().configure(std::make_shared<const Config>(std::move(other)), pair.now));
    pair.pass(seconds{90});
    pair.two.take(pair.two.engine().configure(std::make_shared<const Config>(gateway_config(2, 1)),
                                              pair.now));
    pair.pass(seconds{120});
    const auto now = pair.one.engine().status(pair.now);
    ASSERT_EQ(now.size(), 1U) << pair.one.errors();
    EXPECT_NE(now.front().initiator_spi, old);
    EXPECT_EQ(now.front().children.size(), 1U);
}

// So much waits on the IKE SA that the rekey does not even find a place in the queue.
TEST(Lifetimes, ARekeyThatCannotBeginIsTriedAgain) {
    Config one = gateway_config(1, 2);
    one.settings.retransmit = {.timeout = seconds{1}, .base = 1.0, .tries = 100};
    Connection& gw = one.connections.front();
    gw.rekey_time = seconds{0};
    gw.children.front().rekey_time = seconds{30};
    gw.children.front().rand_time = seconds{0};
    gw.children.front().life_time = seconds{1000};
    EnginePair pair{std::move(one), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const auto old = pair.one.engine().status(pair.now).front().children.front().inbound_spi;
    pair.cut = true;
    for (std::uint64_t id = 1000; id < 1000 + tasks_max + 2; ++id) {
        pair.feed(pair.one, Rekey{.id = CommandId{id}, .ike = "gw"});
    }
    EXPECT_TRUE(pair.one.ended(1000 + tasks_max + 1)) << "there is no more place";
    pair.pass(seconds{35});
    pair.cut = false;
    pair.pass(seconds{5});
    const auto before = pair.one.engine().status(pair.now).front().children;
    ASSERT_EQ(before.size(), 1U);
    EXPECT_EQ(before.front().inbound_spi, old);
    pair.pass(seconds{80});
    const auto after = pair.one.engine().status(pair.now).front().children;
    ASSERT_EQ(after.size(), 1U);
    EXPECT_NE(after.front().inbound_spi, old);
}

TEST(Lifetimes, WhatThePlaneCannotCarryOfARekeyIsMadeAgain) {
    EnginePair pair{gateway_config(1, 2), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.feed(pair.one, Rekey{.id = CommandId{77}, .ike = "", .child = "net"});
    const auto fresh = pair.one.engine().status(pair.now).front().children;
    ASSERT_EQ(fresh.size(), 1U);
    pair.feed(pair.one, InstallFailed{.id = fresh.front().id, .why = {.received = "no memory"}});
    const auto now = pair.one.engine().status(pair.now).front().children;
    ASSERT_EQ(now.size(), 1U);
    EXPECT_NE(now.front().inbound_spi, fresh.front().inbound_spi);
    // One that was new is not tried over and over.
    pair.feed(pair.one, InstallFailed{.id = now.front().id, .why = {.received = "no memory"}});
    EXPECT_TRUE(pair.one.engine().status(pair.now).front().children.empty());
}

}  // namespace
}  // namespace culvert::ike::v2
