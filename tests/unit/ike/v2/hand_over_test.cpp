// What must not get lost, or go out too early, when an IKE SA is rekeyed, replaced, moved or
// configured anew just then.

#include "engine_pair.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

wire::IkeHeader header_of(const Datagram& datagram) {
    return wire::parse_header(datagram.bytes).value();
}

struct HandOverWorld {
    HandOverWorld(Config first, Config second) : pair(std::move(first), std::move(second)) {}

    static std::size_t sas(Side& side, Instant now) { return side.engine().status(now).size(); }
    // Lets time pass with what `lost` says lost.
    template <class Lost>
    void pass(seconds time, Lost lost) {
        const Instant end = pair.now + time;
        while (pair.now < end) {
            pair.now += std::chrono::milliseconds{500};
            pair.one.take(pair.one.engine().tick(pair.now));
            pair.two.take(pair.two.engine().tick(pair.now));
            while (!pair.one.out.empty() || !pair.two.out.empty()) {
                std::erase_if(pair.one.out, lost);
                std::erase_if(pair.two.out, lost);
                pair.step();
            }
        }
    }
    static bool is_init(const Datagram& datagram) {
        return header_of(datagram).exchange == wire::ExchangeType::ike_sa_init;
    }
    EnginePair pair;
};
struct HandOver : HandOverWorld, testing::Test {
    HandOver() : HandOverWorld(gateway_config(1, 2), gateway_config(2, 1)) {}
};

TEST_F(HandOver, TheSuccessorSaysNothingBeforeTheRekeyIsAnswered) {  // RFC 7296 2.8
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    // One message is under way and lost, the next one waits.
    pair.cut = true;
    pair.feed(pair.one, AddressesChanged{{ip("192.0.2.1"), ip("203.0.113.5")}});
    pair.feed(pair.one, AddressesChanged{{ip("192.0.2.1"), ip("203.0.113.6")}});
    pair.cut = false;
    pair.two.take(pair.two.engine().handle(Rekey{.id = CommandId{70}, .ike = "gw"}, pair.now));
    ASSERT_EQ(pair.two.out.size(), 1U);
    Datagram request = std::exchange(pair.two.out, {}).front();
    std::swap(request.local, request.remote);
    const IkeSpi old = header_of(request).initiator_spi;
    pair.one.take(pair.one.engine().handle(std::move(request), pair.now));
    ASSERT_GE(pair.one.out.size(), 2U);
    EXPECT_TRUE(header_of(pair.one.out.front()).flags.response);
    EXPECT_EQ(header_of(pair.one.out.front()).initiator_spi, old);
    EXPECT_NE(header_of(pair.one.out.back()).initiator_spi, old);
    // Should the second one arrive first, it is no sign that the IKE SA is lost.
    Datagram early = pair.one.out.back();
    std::swap(early.local, early.remote);
    pair.two.take(pair.two.engine().handle(std::move(early), pair.now));
    EXPECT_TRUE(pair.two.out.empty());
    pair.settle();
    EXPECT_TRUE(pair.two.ended(70).value());
}

TEST_F(HandOver, WhatReplacesAnIkeSaReplacesItsSuccessor) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.one.take(pair.one.engine().handle(Rekey{.id = CommandId{70}, .ike = "gw", .reauth = true},
                                           pair.now));
    std::erase_if(pair.one.out, is_init);
    pair.settle();
    const auto old = pair.two.engine().status(pair.now).front().initiator_spi;
    pair.feed(pair.two, Rekey{.id = CommandId{71}, .ike = "gw"});
    ASSERT_TRUE(pair.two.ended(71).value());
    pass(seconds{60}, [](const Datagram&) { return false; });
    EXPECT_TRUE(pair.one.ended(70).value());
    EXPECT_EQ(sas(pair.one, pair.now), 1U);
    EXPECT_EQ(sas(pair.two, pair.now), 1U);
    EXPECT_NE(pair.two.engine().status(pair.now).front().initiator_spi, old);
}

struct HandOverAsleep : HandOverWorld, testing::Test {
    HandOverAsleep() : HandOverWorld(sleeper(), gateway_config(2, 1)) {}
    static Config sleeper() {
        Config config = gateway_config(1, 2);
        config.connections.front().dpd_delay = seconds{10};
        ChildConfig& child = config.connections.front().children.front();
        child.start_action = StartAction::start;
        child.dpd_action = StartAction::start;
        child.rekey_time = seconds{90};
        child.life_time = seconds{100};
        return config;
    }
};

TEST_F(HandOverAsleep, WhatExpiredMeanwhileComesBackWithTheRest) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.two.restart(gateway_config(2, 1));
    pair.now += seconds{500};
    pair.pass(seconds{400});
    ASSERT_EQ(sas(pair.one, pair.now), 1U);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().children.size(), 1U);
    EXPECT_EQ(sas(pair.two, pair.now), 1U);
}

// RFC 4555 3.6: the responder says where it is, and the initiator moves.
TEST_F(HandOver, AGatewayThatGetsAnotherAddressIsFollowed) {
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("192.0.2.1")}; });
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.two.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("203.0.113.2")}; });
    pair.feed(pair.two, AddressesChanged{{ip("203.0.113.2")}});
    EXPECT_EQ(pair.one.engine().status(pair.now).front().remote.address, ip("203.0.113.2"));
    EXPECT_EQ(pair.two.engine().status(pair.now).front().local.address, ip("203.0.113.2"));
    ASSERT_FALSE(pair.one.all<UpdateEndpoints>().empty());
    EXPECT_EQ(pair.one.all<UpdateEndpoints>().back()->remote.address, ip("203.0.113.2"));
}

// The address that was used first is one of the peer's still, when the second one fails.
TEST(HandOverPaths, TheWayBackIsKnown) {
    Config first = gateway_config(1, 2);
    first.connections.front().dpd_delay = seconds{10};
    HandOverWorld world{std::move(first), gateway_config(2, 1)};
    EnginePair& pair = world.pair;
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("192.0.2.1")}; });
    pair.two.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("192.0.2.2")}; });
    pair.feed(pair.two, AddressesChanged{{ip("192.0.2.2"), ip("203.0.113.2")}});
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const auto dead = [](std::string_view address) {
        return [at = ip(address)](const Datagram& datagram) {
            return datagram.remote.address == at || datagram.local.address == at;
        };
    };
    world.pass(seconds{400}, dead("192.0.2.2"));
    ASSERT_EQ(world.sas(pair.one, pair.now), 1U);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().remote.address, ip("203.0.113.2"));
    world.pass(seconds{400}, dead("203.0.113.2"));
    ASSERT_EQ(world.sas(pair.one, pair.now), 1U);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().remote.address, ip("192.0.2.2"));
}

// The old one stays while the new one is given nothing.
TEST_F(HandOver, AnIkeSaWithoutAChildTakesNoOnesPlace) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const auto old = pair.one.engine().status(pair.now).front().initiator_spi;
    Config other = gateway_config(2, 1);
    other.connections.front().children.front().proposals =
        parse_proposals(ProtocolId::esp, "aes128-sha256").value();
    pair.two.take(
        pair.two.engine().configure(std::make_shared<const Config>(std::move(other)), pair.now));
    pair.feed(pair.one, Rekey{.id = CommandId{70}, .ike = "gw", .reauth = true});
    pair.pass(seconds{5});
    ASSERT_EQ(sas(pair.one, pair.now), 1U);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().initiator_spi, old);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().children.size(), 1U);
}

// ---- the configuration changes

TEST(HandOverReload, AnAttemptThatNobodyAnswersFollowsTheConfiguration) {
    Config wrong = gateway_config(1, 9);
    wrong.connections.front().remote.id = identity("g2.example");
    wrong.connections.front().children.front().remote_ts = {selector("10.2.0.0/24")};
    EnginePair pair{std::move(wrong), gateway_config(2, 1)};
    pair.cut = true;
    pair.feed(pair.one, Initiate{.id = CommandId{70}, .connection = "gw", .child = "net"});
    pair.pass(seconds{10});
    EXPECT_FALSE(pair.one.ended(70));
    pair.cut = false;
    pair.one.take(pair.one.engine().configure(std::make_shared<const Config>(gateway_config(1, 2)),
                                              pair.now));
    pair.settle();
    ASSERT_TRUE(pair.one.ended(70));
    EXPECT_TRUE(pair.one.ended(70).value()) << pair.one.errors();
    ASSERT_EQ(pair.one.engine().status(pair.now).size(), 1U);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().remote.address, ip("192.0.2.2"));
}

TEST_F(HandOver, AnAttemptGoesOnWhereNothingOfItWasChanged) {
    pair.one.take(pair.one.engine().handle(
        Initiate{.id = CommandId{70}, .connection = "gw", .child = "net"}, pair.now));
    ASSERT_EQ(pair.one.out.size(), 1U);
    pair.one.take(pair.one.engine().configure(std::make_shared<const Config>(gateway_config(1, 2)),
                                              pair.now));
    EXPECT_EQ(pair.one.out.size(), 1U);
    pair.settle();
    EXPECT_TRUE(pair.one.ended(70).value());
}

TEST_F(HandOver, AChildThatIsTakenOutWhileItComesUpDoesNotStay) {
    pair.one.take(pair.one.engine().handle(
        Initiate{.id = CommandId{70}, .connection = "gw", .child = "net"}, pair.now));
    Config without = gateway_config(1, 2);
    without.connections.front().children.front().name = "other";
    pair.one.take(
        pair.one.engine().configure(std::make_shared<const Config>(std::move(without)), pair.now));
    pair.settle();
    pair.pass(seconds{2});
    ASSERT_EQ(sas(pair.one, pair.now), 1U);
    EXPECT_TRUE(pair.one.engine().status(pair.now).front().children.empty());
}

// ---- the end

TEST_F(HandOver, NothingBeginsWhenTheGatewayEnds) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.two.take(pair.two.engine().handle(Ending{}, pair.now));
    pair.feed(pair.two, Terminate{.id = CommandId{70}});
    EXPECT_TRUE(pair.two.ended(70).value());
    // The peer comes again at once, and so do our own.
    pair.feed(pair.one, Initiate{.id = CommandId{71}, .connection = "gw", .child = "net"});
    pair.feed(pair.two, Initiate{.id = CommandId{72}, .connection = "gw", .child = "net"});
    EXPECT_FALSE(pair.one.ended(71));
    ASSERT_TRUE(pair.two.ended(72));
    EXPECT_FALSE(pair.two.ended(72).value());
    EXPECT_EQ(sas(pair.two, pair.now), 0U);
}

}  // namespace
}  // namespace culvert::ike::v2
