// IKE over TCP (RFC 9329): two engines, and connections that break wherever they can.

#include "ike/v2/half_open_guard.hpp"
#include "ike/v2/stream_book.hpp"
#include "stream_pair.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

Config with_tcp(Config config, TcpUse use) {
    config.connections.front().tcp = use;
    return config;
}

struct World {
    explicit World(TcpUse use = TcpUse::yes)
        : pair(with_tcp(gateway_config(1, 2), use), gateway_config(2, 1)) {}

    IkeSaStatus only(Side& side) {
        const auto all = side.engine().status(pair.now);
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? IkeSaStatus{} : all.front();
    }
    // One IKE SA with one Child SA, the same at both ends, in one stream.
    void expect_one_tunnel() {
        const IkeSaStatus first = only(pair.one);
        const IkeSaStatus second = only(pair.two);
        EXPECT_EQ(first.initiator_spi, second.initiator_spi);
        EXPECT_EQ(first.state, IkeState::established);
        EXPECT_EQ(second.state, IkeState::established);
        EXPECT_TRUE(first.tcp);
        EXPECT_TRUE(second.tcp);
        ASSERT_EQ(first.children.size(), 1U);
        ASSERT_EQ(second.children.size(), 1U);
        EXPECT_EQ(first.children.front().inbound_spi, second.children.front().outbound_spi);
        EXPECT_EQ(first.children.front().outbound_spi, second.children.front().inbound_spi);
        EXPECT_EQ(pair.streams(), 1U);
    }
    // Where each side's plane was told to send the ESP of its last Child SA.
    StreamId way_of(Side& side) {
        StreamId out{};
        for (const Action& action : side.actions) {
            if (const auto* install = std::get_if<InstallChild>(&action)) {
                out = install->sa.stream;
            }
            if (const auto* update = std::get_if<UpdateEndpoints>(&action)) {
                out = update->stream;
            }
        }
        return out;
    }

    StreamPair pair;
};
struct Streams : World, testing::Test {};
struct Fallback : World, testing::Test {
    Fallback() : World(TcpUse::fallback) {}
};

TEST_F(Streams, AnIkeSaAndItsChildrenGoInOneStream) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    expect_one_tunnel();
    EXPECT_EQ(pair.datagrams, 0U);
    EXPECT_EQ(pair.opened, 1U);
    EXPECT_NE(way_of(pair.one), StreamId{});
    EXPECT_EQ(way_of(pair.two), StreamId{1});
    const auto kept = pair.two.all<KeepStream>();
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept.front()->id, StreamId{1});
    // RFC 9329 7.5: both know the ports, so no NAT is seen where none is.
    EXPECT_FALSE(only(pair.one).nat_local);
    EXPECT_FALSE(only(pair.two).nat_remote);
    EXPECT_EQ(only(pair.one).local.port, 40001);
    EXPECT_TRUE(only(pair.one).children.front().udp_encap);  // as encapsulated as in UDP
}

// RFC 9329 7.2, 7.6, 8.5: nothing twice, no NAT keep-alives, no fragments.
TEST_F(Streams, AStreamCarriesEachMessageOnceAndWhole) {
    Config first = with_tcp(gateway_config(1, 2), TcpUse::yes);
    first.settings.fragment_size = 200;
    StreamPair small{std::move(first), gateway_config(2, 1)};
    ASSERT_TRUE(small.up(small.one)) << small.one.errors();
    EXPECT_EQ(small.carried, 4U);
    small.pass(seconds{600});
    EXPECT_EQ(small.carried, 4U);
    EXPECT_TRUE(small.one.all<SendKeepAlive>().empty());
    EXPECT_EQ(small.opened, 1U);
}

TEST_F(Streams, NobodyIsAskedTwiceWhileTheStreamIsThere) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.two.out.clear();
    // The peer's engine hears it and says nothing: what it says is taken away.
    pair.one.take(pair.one.engine().handle(Rekey{.id = CommandId{77}, .ike = "gw", .child = "net"},
                                           pair.now));
    ASSERT_EQ(pair.one.out.size(), 1U);
    pair.one.out.clear();
    pair.now += seconds{20};
    pair.one.take(pair.one.engine().tick(pair.now));
    pair.now += seconds{20};
    pair.one.take(pair.one.engine().tick(pair.now));
    EXPECT_TRUE(pair.one.out.empty());
}

TEST_F(Streams, AClosedIkeSaClosesItsStream) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.feed(pair.one, Terminate{.id = CommandId{9}, .ike = "gw"});
    EXPECT_TRUE(pair.one.engine().status(pair.now).empty());
    EXPECT_TRUE(pair.two.engine().status(pair.now).empty());
    EXPECT_EQ(pair.streams(), 0U);
    pair.pass(seconds{300});
    EXPECT_EQ(pair.opened, 1U);
}

TEST_F(Streams, ARekeyedIkeSaKeepsTheStream) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.feed(pair.one, Rekey{.id = CommandId{8}, .ike = "gw"});
    pair.feed(pair.two, Rekey{.id = CommandId{8}, .ike = "gw"});
    pair.pass(seconds{5});
    expect_one_tunnel();
    EXPECT_EQ(pair.opened, 1U);
}

// RFC 9329 7.1: who opened opens again, and the other end follows what is new and authentic.
// The new IKE SA has a connection of its own, with another port.
TEST(StreamsReauthentication, IsNoSecondPeer) {
    for (const Unique unique : {Unique::keep, Unique::replace}) {
        Config second = gateway_config(2, 1);
        second.connections.front().unique = unique;
        StreamPair pair{with_tcp(gateway_config(1, 2), TcpUse::yes), std::move(second)};
        ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
        pair.feed(pair.one, Rekey{.id = CommandId{90}, .ike = "gw", .reauth = true});
        pair.pass(seconds{15});
        ASSERT_TRUE(pair.one.ended(90));
        EXPECT_TRUE(*pair.one.ended(90)) << pair.one.errors();
        EXPECT_EQ(pair.one.engine().status(pair.now).size(), 1U);
        EXPECT_EQ(pair.two.engine().status(pair.now).size(), 1U);
        std::size_t stood = 0;  // of the Child SAs of one end: never none
        for (const Action& action : pair.two.actions) {
            stood += std::holds_alternative<InstallChild>(action) ? 1 : 0;
            stood -= std::holds_alternative<RemoveChild>(action) ? 1 : 0;
            if (std::holds_alternative<RemoveChild>(action)) { EXPECT_GT(stood, 0U); }
        }
    }
}

TEST_F(Streams, ABrokenStreamIsOpenedAgainAndBothEndsGoOn) {
    ASSERT_TRUE(pair.up(pair.one));
    const StreamId before = way_of(pair.one);
    pair.break_all();
    pair.pass(seconds{2});
    expect_one_tunnel();
    EXPECT_EQ(pair.opened, 2U);
    EXPECT_NE(way_of(pair.one), before);
    EXPECT_EQ(way_of(pair.two), StreamId{2});
    EXPECT_EQ(only(pair.two).remote.port, 40002);
}

// It does not know that the old one is gone.
TEST_F(Streams, TheOtherEndFollowsWithoutKnowingOfTheBreak) {
    pair.only_one_notices = true;
    ASSERT_TRUE(pair.up(pair.one));
    pair.break_all();
    pair.pass(seconds{2});
    EXPECT_EQ(way_of(pair.two), StreamId{2});
    // The old one is of no use to anybody.
    const auto closed = pair.two.all<CloseStream>();
    ASSERT_EQ(closed.size(), 1U);
    EXPECT_EQ(closed.front()->id, StreamId{1});
}

TEST_F(Streams, WithoutMobikeItIsTheSame) {
    Config first = with_tcp(gateway_config(1, 2), TcpUse::yes);
    first.connections.front().mobike = false;
    StreamPair plain{std::move(first), gateway_config(2, 1)};
    ASSERT_TRUE(plain.up(plain.one));
    plain.break_all();
    plain.pass(seconds{2});
    EXPECT_EQ(plain.streams(), 1U);
    const auto updates = plain.two.all<UpdateEndpoints>();
    ASSERT_FALSE(updates.empty());
    EXPECT_EQ(updates.back()->stream, StreamId{2});
}

// What the responder has to say waits for the peer.
TEST_F(Streams, TheResponderNeverOpens) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.tcp_passes = false;
    pair.break_all();
    pair.feed(pair.two, Rekey{.id = CommandId{5}, .ike = "gw", .child = "net"});
    pair.pass(seconds{30});
    EXPECT_TRUE(pair.two.all<OpenStream>().empty());
    EXPECT_FALSE(pair.two.ended(5));
    pair.tcp_passes = true;
    pair.pass(seconds{60});
    ASSERT_TRUE(pair.two.ended(5));
    EXPECT_TRUE(*pair.two.ended(5));
    expect_one_tunnel();
}

TEST_F(Streams, AStreamThatSwallowsAllIsReplacedBeforeThePeerIsGivenUp) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.first_swallows = true;
    pair.feed(pair.one, Rekey{.id = CommandId{5}, .ike = "gw", .child = "net"});
    pair.pass(seconds{200});
    ASSERT_TRUE(pair.one.ended(5));
    EXPECT_TRUE(*pair.one.ended(5));
    EXPECT_EQ(pair.opened, 2U);
    expect_one_tunnel();
}

// The connection breaks at each message, and takes it with it.
TEST_F(Streams, AHandshakeSurvivesABreakAtEachOfItsMessages) {
    for (const bool unnoticed : {false, true}) {
        for (unsigned n = 0; n < 4; ++n) {
            SCOPED_TRACE(testing::Message() << n << (unnoticed ? ", unnoticed" : ""));
            World world;
            world.pair.break_at = n;
            world.pair.only_one_notices = unnoticed;
            const Status done = world.pair.up(world.pair.one);
            ASSERT_TRUE(done) << explain(done.error()) << world.pair.one.errors();
            world.pair.pass(seconds{40});
            world.expect_one_tunnel();
            EXPECT_EQ(world.pair.opened, 2U);
            EXPECT_EQ(world.pair.two.engine().half_open(), 0U);
        }
    }
}

TEST_F(Streams, ARekeySurvivesABreakAtEachOfItsMessages) {
    for (const bool of_child : {true, false}) {
        for (const bool by_two : {false, true}) {
            for (const bool unnoticed : {false, true}) {
                for (unsigned n = 0; n < 4; ++n) {
                    SCOPED_TRACE(testing::Message()
                                 << n << (of_child ? ", child" : ", IKE")
                                 << (by_two ? ", by two" : "") << (unnoticed ? ", unnoticed" : ""));
                    World world;
                    StreamPair& net = world.pair;
                    ASSERT_TRUE(net.up(net.one));
                    net.break_at = net.carried + n;
                    net.only_one_notices = unnoticed;
                    const auto before = world.only(net.one);
                    Side& side = by_two ? net.two : net.one;
                    net.feed(
                        side,
                        Rekey{.id = CommandId{5}, .ike = "gw", .child = of_child ? "net" : ""});
                    net.pass(seconds{60});
                    ASSERT_TRUE(side.ended(5));
                    EXPECT_TRUE(*side.ended(5)) << explain(side.ended(5)->error());
                    EXPECT_EQ(net.opened, 2U);
                    world.expect_one_tunnel();
                    const auto after = world.only(net.one);
                    EXPECT_NE(of_child ? before.children.front().inbound_spi.value()
                                       : before.initiator_spi,
                              of_child ? after.children.front().inbound_spi.value()
                                       : after.initiator_spi);
                }
            }
        }
    }
}

TEST_F(Streams, WhoRefusesIsGivenUpWithWords) {
    pair.tcp_passes = false;
    const Status done = pair.up(pair.one, seconds{300});
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::peer_unreachable);
    EXPECT_NE(done.error().received.find("connection refused"), std::string::npos);
    EXPECT_NE(done.error().wanted.find("TCP port 4500"), std::string::npos);
    EXPECT_EQ(pair.opened, 6U);  // as often as a message would be sent over UDP
    EXPECT_EQ(pair.streams(), 0U);
}

TEST_F(Streams, WhoTakesEveryConnectionAndClosesItIsNotCalledWithoutEnd) {
    pair.closes_at_once = true;
    EXPECT_FALSE(pair.up(pair.one, seconds{300}));
    EXPECT_LE(pair.opened, 7U);
    pair.closes_at_once = false;
    ASSERT_TRUE(pair.up(pair.one));
    const unsigned before = pair.opened;
    pair.closes_at_once = true;
    pair.break_all();
    pair.pass(seconds{300});
    EXPECT_LE(pair.opened - before, 8U);
    EXPECT_TRUE(pair.one.engine().status(pair.now).empty());  // given up at last
}

// RFC 9329 7.3: the connection itself has shown that the peer is there.
TEST_F(Streams, NoCookieIsAskedFor) {
    Config second = gateway_config(2, 1);
    second.settings.cookie_threshold_per_ip = 1;
    second.settings.cookie_threshold = 1;
    StreamPair busy{with_tcp(gateway_config(1, 2), TcpUse::yes), std::move(second)};
    ASSERT_TRUE(busy.up(busy.one));
    EXPECT_EQ(busy.carried, 4U);
}

// ---- fallback

TEST_F(Fallback, UdpIsUsedWhereItPasses) {
    pair.udp_passes = true;
    ASSERT_TRUE(pair.up(pair.one));
    EXPECT_EQ(pair.opened, 0U);
    EXPECT_FALSE(only(pair.one).tcp);
}

TEST_F(Fallback, TcpComesAfterTwoMessagesOverUdp) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    expect_one_tunnel();
    EXPECT_EQ(pair.datagrams, 2U);
}

TEST_F(Fallback, WithoutTheWordThereIsNoTcp) {
    StreamPair without{gateway_config(1, 2), gateway_config(2, 1)};
    EXPECT_FALSE(without.up(without.one, seconds{300}));
    EXPECT_EQ(without.opened, 0U);
}

// Port 500 passes and 4500 does not, or only small datagrams do.
TEST_F(Fallback, TcpComesAlsoWhenOnlyIkeAuthGetsNoAnswer) {
    pair.udp_passes = true;
    pair.one.take(pair.one.engine().handle(
        Initiate{.id = CommandId{400}, .connection = "gw", .child = "net"}, pair.now));
    Datagram init = pair.one.out.front();
    pair.one.out.clear();
    std::swap(init.local, init.remote);
    pair.two.take(pair.two.engine().handle(init, pair.now));
    Datagram answer = pair.two.out.front();
    pair.two.out.clear();
    std::swap(answer.local, answer.remote);
    pair.one.take(pair.one.engine().handle(answer, pair.now));
    pair.udp_passes = false;
    pair.pass(seconds{60});
    ASSERT_TRUE(pair.one.ended(400));
    EXPECT_TRUE(*pair.one.ended(400));
    expect_one_tunnel();
}

TEST_F(Fallback, AReauthenticationGoesTheWayThatWorks) {
    ASSERT_TRUE(pair.up(pair.one));
    const unsigned datagrams = pair.datagrams;
    pair.feed(pair.one, Rekey{.id = CommandId{6}, .ike = "gw", .reauth = true});
    pair.pass(seconds{5});
    expect_one_tunnel();
    EXPECT_EQ(pair.datagrams, datagrams);
    EXPECT_EQ(pair.opened, 2U);
}

// RFC 9329 8.1: with MOBIKE an IKE SA may go over to TCP when UDP passes no more.
TEST_F(Fallback, AnIkeSaThatStandsGoesOverWhenUdpPassesNoMore) {
    pair.udp_passes = true;
    ASSERT_TRUE(pair.up(pair.one));
    ASSERT_FALSE(only(pair.one).tcp);
    const std::uint64_t spi = only(pair.one).initiator_spi;
    pair.udp_passes = false;
    pair.feed(pair.one, Rekey{.id = CommandId{6}, .ike = "gw", .child = "net"});
    pair.pass(seconds{300});
    ASSERT_TRUE(pair.one.ended(6));
    EXPECT_TRUE(*pair.one.ended(6)) << explain(pair.one.ended(6)->error());
    expect_one_tunnel();
    EXPECT_EQ(only(pair.one).initiator_spi, spi);
    EXPECT_EQ(way_of(pair.two), StreamId{1});
    EXPECT_TRUE(only(pair.two).children.front().udp_encap);
    EXPECT_FALSE(pair.two.all<KeepStream>().empty());
}

TEST_F(Fallback, WithoutMobikeItStaysInUdpAndEndsThere) {
    Config first = with_tcp(gateway_config(1, 2), TcpUse::fallback);
    first.connections.front().mobike = false;
    StreamPair plain{std::move(first), gateway_config(2, 1)};
    plain.udp_passes = true;
    ASSERT_TRUE(plain.up(plain.one));
    plain.udp_passes = false;
    plain.feed(plain.one, Rekey{.id = CommandId{6}, .ike = "gw", .child = "net"});
    plain.pass(seconds{300});
    EXPECT_EQ(plain.opened, 0U);
    EXPECT_TRUE(plain.one.engine().status(plain.now).empty());
}

// ---- what must not be

// An IKE SA in UDP is moved into a stream by MOBIKE alone: else whoever repeats a captured message
// over TCP would be followed.
TEST_F(Fallback, AnIkeSaInUdpStaysThere) {
    pair.udp_passes = true;
    ASSERT_TRUE(pair.up(pair.one));
    pair.one.take(
        pair.one.engine().handle(Rekey{.id = CommandId{3}, .ike = "gw", .child = "net"}, pair.now));
    ASSERT_EQ(pair.one.out.size(), 1U);
    Datagram request = pair.one.out.front();
    pair.one.out.clear();
    std::swap(request.local, request.remote);
    request.stream = StreamId{7};
    request.remote = {ip("198.51.100.66"), 6666};
    pair.two.take(pair.two.engine().handle(request, pair.now));
    EXPECT_FALSE(only(pair.two).tcp);
    EXPECT_EQ(only(pair.two).remote.address, ip("192.0.2.1"));
    ASSERT_EQ(pair.two.out.size(), 1U);  // answers go where the request came from
    EXPECT_EQ(pair.two.out.front().stream, StreamId{7});
}

// RFC 9329 7.1: a message that was there before moves nothing.
TEST_F(Streams, ARepeatedMessageDoesNotMoveTheIkeSa) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.one.take(
        pair.one.engine().handle(Rekey{.id = CommandId{3}, .ike = "gw", .child = "net"}, pair.now));
    ASSERT_EQ(pair.one.out.size(), 1U);
    Datagram request = pair.one.out.front();
    std::swap(request.local, request.remote);
    request.stream = StreamId{1};
    pair.settle();
    pair.two.actions.clear();
    request.stream = StreamId{9};
    request.remote = {ip("198.51.100.66"), 6666};
    pair.two.take(pair.two.engine().handle(request, pair.now));
    EXPECT_TRUE(pair.two.all<KeepStream>().empty());
    EXPECT_TRUE(pair.two.all<UpdateEndpoints>().empty());
    EXPECT_EQ(only(pair.two).remote.address, ip("192.0.2.1"));
}

TEST_F(Streams, AStreamThatNobodyWantsAnyMoreIsClosed) {
    pair.one.take(pair.one.engine().handle(
        StreamOpened{.id = StreamId{opened_streams_from + 99}, .local = {}}, pair.now));
    ASSERT_EQ(pair.one.all<CloseStream>().size(), 1U);
}

// what strangers do is told at a bounded rate.
TEST_F(Streams, A11RefusalsOfStrangersAreToldOfWithABound) {
    for (unsigned i = 0; i < 1000; ++i) {
        pair.two.take(pair.two.engine().handle(
            StreamBroken{.id = StreamId{100 + i},
                         .remote = {ip("198.51.100.66"), 6666},
                         .why = {.code = ErrorCode::malformed, .received = "something else"},
                         .refused = true},
            pair.now));
    }
    const auto told = pair.two.all<Event>().size();
    EXPECT_GT(told, 0U);
    EXPECT_LE(told, 20U);
    EXPECT_FALSE(pair.two.engine().failures().empty());
}

TEST(StreamBook, TellsWhenTheLastOneLeaves) {
    StreamBook book;
    EXPECT_FALSE(book.file(IkeSpi{1}, StreamId{}));
    EXPECT_FALSE(book.file(IkeSpi{1}, StreamId{7}));
    EXPECT_FALSE(book.file(IkeSpi{2}, StreamId{7}));
    EXPECT_EQ(book.users(StreamId{7}).size(), 2U);
    EXPECT_FALSE(book.file(IkeSpi{1}, StreamId{}));
    EXPECT_EQ(book.file(IkeSpi{2}, StreamId{8}), StreamId{7});
    EXPECT_EQ(book.file(IkeSpi{2}, StreamId{}), StreamId{8});
    EXPECT_TRUE(book.users(StreamId{8}).empty());
}

}  // namespace
}  // namespace culvert::ike::v2
