// MOBIKE (RFC 4555): payloads, and two engines one of which moves.

#include "ike/v2/mobike.hpp"

#include "base/writer.hpp"
#include "engine_pair.hpp"
#include "ike/v2/child_negotiation.hpp"

namespace culvert::ike::v2 {
namespace {

using wire::NotifyType;

TEST(MobikePayloads, AdditionalAddressesAreReadAsTheyAreWritten) {
    wire::Payloads payloads;
    add_additional_addresses(payloads, {ip("192.0.2.7"), ip("2001:db8::7")});
    EXPECT_EQ(additional_addresses_in(payloads), (std::vector{ip("192.0.2.7"), ip("2001:db8::7")}));
    wire::Payloads none;
    add_additional_addresses(none, {});
    EXPECT_EQ(additional_addresses_in(none), std::vector<IpAddress>{});
    EXPECT_EQ(additional_addresses_in({}), std::nullopt);
}

TEST(MobikePayloads, AddressesThatNobodyHasAreNotKept) {
    wire::Payloads payloads;
    add_additional_addresses(payloads, {ip("127.0.0.1"), ip("0.0.0.0"), ip("224.0.0.1")});
    payloads.emplace_back(
        wire::Notify{.type = NotifyType::additional_ip4_address, .data = {1, 2, 3}});
    payloads.emplace_back(
        wire::Notify{.type = NotifyType::additional_ip4_address, .data = Bytes(16, 1)});
    EXPECT_EQ(additional_addresses_in(payloads), std::vector<IpAddress>{});
}

TEST(MobikePayloads, ANatWhereNoneIsAllowedIsSeen) {  // S-12
    const Endpoint local{ip("192.0.2.2"), 4500};
    const Endpoint remote{ip("192.0.2.1"), 4500};
    Writer data;
    data.bytes(remote.address.octets());
    data.bytes(local.address.octets());
    data.u16(4500);
    data.u16(4500);
    const wire::Payloads request{
        wire::Notify{.type = NotifyType::no_nats_allowed, .data = data.take()}};
    EXPECT_FALSE(nat_forbidden_and_there(request, local, remote));
    EXPECT_TRUE(nat_forbidden_and_there(request, local, {ip("192.0.2.1"), 31000}));
    EXPECT_TRUE(nat_forbidden_and_there(request, local, {ip("198.51.100.1"), 4500}));
    EXPECT_FALSE(nat_forbidden_and_there({}, local, remote));
}

struct Moving : testing::Test {
    Moving() : pair(gateway_config(1, 2), gateway_config(2, 1)) {}
    void move(Side& side, std::vector<IpAddress> addresses) {
        side.engine().use_source_lookup(
            [first = addresses.front()](const IpAddress&) { return std::optional{first}; });
        pair.feed(side, AddressesChanged{std::move(addresses)});
    }
    EnginePair pair;
};

// A client with a virtual address moves, and asks for it again from there.
TEST(MovingClient, KeepsItsVirtualAddressWhenItReauthenticates) {
    Config first = gateway_config(1, 2);
    Config second = gateway_config(2, 1);
    first.connections.front().vips = {IpAddress::any(IpFamily::v4)};
    first.connections.front().children.front().local_ts = {dynamic_selector()};
    second.connections.front().remote_addrs.clear();
    second.connections.front().pools = {"p"};
    second.pools = {
        {.name = "p", .addresses = *IpRange::parse("10.3.0.1-10.3.0.9"), .attributes = {}}};
    second.connections.front().children.front().remote_ts = {dynamic_selector()};
    EnginePair pair{std::move(first), std::move(second)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("198.51.100.1")}; });
    pair.feed(pair.one, AddressesChanged{{ip("198.51.100.1")}});
    pair.feed(pair.one, Rekey{.id = CommandId{90}, .ike = "gw", .reauth = true});
    ASSERT_TRUE(pair.one.ended(90).value()) << pair.one.errors() << pair.two.errors();
    EXPECT_EQ(pair.one.engine().status(pair.now).front().local_vips, std::vector{ip("10.3.0.1")});
    EXPECT_TRUE(pair.one.all<RemoveVirtualAddress>().empty());
}

// Selectors that are the two hosts themselves: who moved, or the other one, replaces them.
struct MovingHost : testing::Test {
    MovingHost() : pair(between_hosts(gateway_config(1, 2)), between_hosts(gateway_config(2, 1))) {}
    static Config between_hosts(Config config) {
        config.connections.front().children.front().local_ts.clear();
        config.connections.front().children.front().remote_ts.clear();
        return config;
    }
    void move(bool told = true) {
        pair.one.engine().use_source_lookup(
            [](const IpAddress&) { return std::optional{ip("198.51.100.1")}; });
        if (told) { pair.feed(pair.one, AddressesChanged{{ip("198.51.100.1")}}); }
    }
    std::string selectors(Side& side) {
        std::string out;
        const auto all = side.engine().status(pair.now);
        for (const auto& child : all.front().children) {
            out += to_string(child.local_ts) + "===" + to_string(child.remote_ts) + " ";
        }
        return out;
    }
    EnginePair pair;
};

TEST_F(MovingHost, HasSelectorsOfTheNewAddressSoonAndGoesOn) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    EXPECT_EQ(selectors(pair.one), "192.0.2.1===192.0.2.2 ");
    move();
    pair.pass(std::chrono::seconds{2});
    EXPECT_EQ(selectors(pair.one), "198.51.100.1===192.0.2.2 ");
    EXPECT_EQ(selectors(pair.two), "192.0.2.2===198.51.100.1 ");
    for (Side* side : {&pair.one, &pair.two}) {
        pair.feed(*side, Rekey{.id = CommandId{91}, .child = "net"});
        EXPECT_TRUE(side->ended(91).value());
    }
    EXPECT_EQ(pair.one.errors() + pair.two.errors(), "");
}

// One peer replaces nothing by itself, and offers what it had.
TEST_F(MovingHost, MayGoOnWithWhatItHad) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const TrafficSelectors before{TrafficSelector::parse("192.0.2.1").value()};
    const TrafficSelectors other{TrafficSelector::parse("192.0.2.2").value()};
    SaCore sa;
    sa.local = {ip("192.0.2.2"), 4500};
    sa.remote = {ip("198.51.100.1"), 4500};
    const auto config = std::make_shared<const Config>(between_hosts(gateway_config(2, 1)));
    sa.connection = ConnectionRef{config, &config->connections.front()};
    Child child;
    child.config = ChildRef{sa.connection, &sa.connection->children.front()};
    child.mode = IpsecMode::tunnel;
    child.local_ts = other;
    child.remote_ts = before;
    EXPECT_FALSE(fits_the_ends(child, sa));
    sa.remote.address = ip("192.0.2.1");
    EXPECT_TRUE(fits_the_ends(child, sa));
}

// S-12: somebody sends a genuine update on from an address where nobody answers.
TEST(MovingAway, AnUpdateFromWhereNobodyAnswersIsTakenBack) {
    EnginePair pair{gateway_config(1, 2), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const Endpoint nowhere{ip("203.0.113.99"), 4500};
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("198.51.100.1")}; });
    pair.one.take(pair.one.engine().handle(AddressesChanged{{ip("198.51.100.1")}}, pair.now));
    ASSERT_EQ(pair.one.out.size(), 1U);
    Datagram update = std::exchange(pair.one.out, {}).front();
    update.local = update.remote;
    update.remote = nowhere;
    pair.two.take(pair.two.engine().handle(update, pair.now));
    const auto remote = [&] { return pair.two.engine().status(pair.now).front().remote; };
    for (int second = 0; second < 600; ++second) {
        pair.now += std::chrono::seconds{1};
        pair.two.take(pair.two.engine().tick(pair.now));
        std::erase_if(pair.two.out, [&](const Datagram& one) { return one.remote == nowhere; });
        pair.settle();
        ASSERT_EQ(pair.two.engine().status(pair.now).size(), 1U) << second;
    }
    EXPECT_EQ(remote().address, ip("192.0.2.1"));
    EXPECT_EQ(pair.two.engine().status(pair.now).front().state, IkeState::established);
    for (const UpdateEndpoints* moved : pair.two.all<UpdateEndpoints>()) {
        EXPECT_NE(moved->remote, nowhere);
    }
}

TEST_F(Moving, TheIkeSaGoesToPort4500AndItsSasFollowToTheNewAddress) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    EXPECT_EQ(pair.one.engine().status(pair.now).front().remote.port, 4500);
    move(pair.one, {ip("198.51.100.1")});
    ASSERT_EQ(pair.one.all<UpdateEndpoints>().size(), 1U);
    EXPECT_EQ(pair.one.all<UpdateEndpoints>().front()->local.address, ip("198.51.100.1"));
    ASSERT_EQ(pair.two.all<UpdateEndpoints>().size(), 1U);
    EXPECT_EQ(pair.two.all<UpdateEndpoints>().front()->remote.address, ip("198.51.100.1"));
    EXPECT_EQ(pair.two.engine().status(pair.now).front().remote.address, ip("198.51.100.1"));
}

std::vector<const Event*> updates(const Side& side) {
    std::vector<const Event*> out;
    for (const Event* event : side.all<Event>()) {
        if (event->kind == EventKind::ike_updated) { out.push_back(event); }
    }
    return out;
}

TEST_F(Moving, TheEventTellsWhereToAndFromWhere) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    move(pair.one, {ip("198.51.100.1")});
    move(pair.one, {ip("203.0.113.1")});
    for (const Side* side : {&pair.one, &pair.two}) {
        const bool moves = side == &pair.one;
        const auto seen = updates(*side);
        ASSERT_EQ(seen.size(), 2U);
        std::vector<std::string> way;
        for (const Event* event : seen) {
            ASSERT_TRUE(event->ike && event->old_ike);
            EXPECT_EQ(event->old_ike->unique_id, event->ike->unique_id);
            const auto& from = moves ? event->old_ike->local : event->old_ike->remote;
            const auto& to = moves ? event->ike->local : event->ike->remote;
            way.push_back(from.to_string() + " " + to.to_string());
        }
        EXPECT_EQ(way, (std::vector<std::string>{"192.0.2.1[4500] 198.51.100.1[4500]",
                                                 "198.51.100.1[4500] 203.0.113.1[4500]"}));
    }
}

TEST_F(Moving, TrafficFollowsOnlyAfterTheNewPathHasAnswered) {  // S-12: nobody is flooded
    ASSERT_TRUE(pair.up(pair.one));
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("198.51.100.1")}; });
    pair.one.take(pair.one.engine().handle(AddressesChanged{{ip("198.51.100.1")}}, pair.now));
    ASSERT_EQ(pair.one.out.size(), 1U);
    Datagram update = pair.one.out.front();
    pair.one.out.clear();
    std::swap(update.local, update.remote);
    pair.two.take(pair.two.engine().handle(update, pair.now));
    EXPECT_TRUE(pair.two.all<UpdateEndpoints>().empty());
    EXPECT_EQ(pair.two.out.size(), 2U);  // the answer, and COOKIE2
    pair.settle();
    EXPECT_EQ(pair.two.all<UpdateEndpoints>().size(), 1U);
}

TEST_F(Moving, OtherAddressesAreToldAndKnown) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.two.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("192.0.2.2")}; });
    pair.feed(pair.two, AddressesChanged{{ip("192.0.2.2"), ip("203.0.113.2")}});
    // The first way is no more; the second is.
    pair.one.engine().use_source_lookup([](const IpAddress& remote) -> std::optional<IpAddress> {
        if (remote == ip("203.0.113.2")) { return ip("192.0.2.1"); }
        return std::nullopt;
    });
    pair.feed(pair.one, AddressesChanged{{ip("192.0.2.1")}});
    EXPECT_EQ(pair.one.engine().status(pair.now).front().remote.address, ip("203.0.113.2"));
}

// An alias, or an address that a router pair shares: routing prefers another one, which is none of
// local_addrs.
// remote_port says where the peer listens, or what is forwarded to it: at its other addresses, too.
TEST(MovingPeer, AtAnotherAddressItHasThePortThatIsConfigured) {
    for (const std::uint16_t port : {std::uint16_t{4711}, std::uint16_t{500}}) {
        Config first = gateway_config(1, 2);
        first.connections.front().remote_port = port;
        first.connections.front().remote_addrs = {exactly("192.0.2.2"), exactly("198.51.100.2")};
        EnginePair pair{std::move(first), gateway_config(2, 1)};
        pair.feed(pair.two, AddressesChanged{{ip("192.0.2.2"), ip("198.51.100.2")}});
        ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors() << pair.two.errors();
        const std::uint16_t before = pair.one.engine().status(pair.now).front().remote.port;
        EXPECT_EQ(before, port == 500 ? 4500 : 4711);
        pair.one.engine().use_source_lookup([](const IpAddress& remote) {
            return remote == ip("198.51.100.2") ? std::optional{ip("192.0.2.1")} : std::nullopt;
        });
        pair.cut = true;
        pair.feed(pair.one, AddressesChanged{{ip("192.0.2.1")}});
        EXPECT_EQ(pair.one.engine().status(pair.now).front().remote,
                  (Endpoint{ip("198.51.100.2"), before}));
    }
}

TEST_F(Moving, TheAddressThatIsConfiguredStaysAsLongAsItIsThere) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("192.0.2.9")}; });
    pair.feed(pair.one, AddressesChanged{{ip("192.0.2.9"), ip("192.0.2.1")}});
    EXPECT_TRUE(pair.one.all<UpdateEndpoints>().empty());
    EXPECT_EQ(pair.one.engine().status(pair.now).front().local.address, ip("192.0.2.1"));
    // Better another one than none.
    pair.feed(pair.one, AddressesChanged{{ip("192.0.2.9")}});
    EXPECT_EQ(pair.one.engine().status(pair.now).front().local.address, ip("192.0.2.9"));
    EXPECT_EQ(pair.two.engine().status(pair.now).front().remote.address, ip("192.0.2.9"));
}

TEST_F(Moving, OfSeveralThatAreConfiguredRoutingChooses) {
    Config one = gateway_config(1, 2);
    one.connections.front().local_addrs = {exactly("192.0.2.1"), exactly("198.51.100.1")};
    pair.one.restart(std::move(one));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    move(pair.one, {ip("198.51.100.1"), ip("192.0.2.1")});
    EXPECT_EQ(pair.one.engine().status(pair.now).front().local.address, ip("198.51.100.1"));
}

// A07: a peer that flaps leaves one probe, of where it is last.
TEST_F(Moving, OneProbeWaitsHoweverOftenThePeerMoves) {
    ASSERT_TRUE(pair.up(pair.one));
    for (unsigned i = 0; i < 40; ++i) {
        const IpAddress at = ip(i % 2 == 0 ? "198.51.100.1" : "198.51.100.2");
        pair.one.engine().use_source_lookup([at](const IpAddress&) { return std::optional{at}; });
        pair.one.take(pair.one.engine().handle(AddressesChanged{{at}}, pair.now));
        for (Datagram& datagram : std::exchange(pair.one.out, {})) {
            std::swap(datagram.local, datagram.remote);
            pair.two.take(pair.two.engine().handle(std::move(datagram), pair.now));
        }
        // The answers arrive, the probes do not.
        for (Datagram& datagram : std::exchange(pair.two.out, {})) {
            if (!wire::parse_header(datagram.bytes).value().flags.response) { continue; }
            std::swap(datagram.local, datagram.remote);
            pair.one.take(pair.one.engine().handle(std::move(datagram), pair.now));
        }
    }
    const auto status = pair.two.engine().status(pair.now).front();
    EXPECT_LE(status.tasks_queued.size() + status.tasks_active.size(), 2U);
    pair.pass(std::chrono::seconds{30});
    EXPECT_EQ(pair.two.engine().status(pair.now).front().remote.address, ip("198.51.100.2"));
}

// The answer to the probe would come to an IKE SA without children.
TEST_F(Moving, AProbeGoesOverToTheRekeyedIkeSa) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("198.51.100.1")}; });
    pair.one.take(pair.one.engine().handle(AddressesChanged{{ip("198.51.100.1")}}, pair.now));
    Datagram update = pair.one.out.front();
    pair.one.out.clear();
    std::swap(update.local, update.remote);
    pair.two.take(pair.two.engine().handle(update, pair.now));
    ASSERT_EQ(pair.two.out.size(), 2U);  // the answer, and COOKIE2
    const Datagram probe = pair.two.out.back();
    pair.two.out.pop_back();
    pair.settle();
    pair.feed(pair.one, Rekey{.id = CommandId{77}, .ike = "gw", .child = ""});
    ASSERT_TRUE(pair.one.ended(77).value());
    pair.pass(std::chrono::seconds{20});
    ASSERT_FALSE(pair.two.all<UpdateEndpoints>().empty());
    EXPECT_EQ(pair.two.all<UpdateEndpoints>().back()->remote.address, ip("198.51.100.1"));
}

TEST(WithoutMobike, AMappingThatFlapsIsNotFollowedForEver) {
    Config one = gateway_config(1, 2);
    one.connections.front().mobike = false;
    one.connections.front().encap = true;
    EnginePair pair{std::move(one), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    const auto child = pair.two.engine().status(pair.now).front().children.front().id;
    for (unsigned i = 0; i < 100; ++i) {
        pair.two.take(pair.two.engine().handle(
            MappingChanged{.id = child, .remote = {ip("192.0.2.1"), std::uint16_t(20000 + i % 2)}},
            pair.now));
    }
    EXPECT_FALSE(pair.two.all<UpdateEndpoints>().empty());
    EXPECT_LE(pair.two.all<UpdateEndpoints>().size(), 4U);
    pair.now += std::chrono::seconds{1};
    pair.two.take(pair.two.engine().handle(
        MappingChanged{.id = child, .remote = {ip("192.0.2.1"), 30000}}, pair.now));
    EXPECT_EQ(pair.two.engine().status(pair.now).front().remote.port, 30000);
}

TEST(WithoutMobike, ANewIkeSaTakesOver) {
    Config one = gateway_config(1, 2);
    one.connections.front().encap = false;  // so that port 500 does
    one.connections.front().mobike = false;
    Config two = gateway_config(2, 1);
    two.connections.front().remote_addrs.clear();
    EnginePair pair{std::move(one), std::move(two)};
    ASSERT_TRUE(pair.up(pair.one));
    EXPECT_EQ(pair.one.engine().status(pair.now).front().remote.port, 500);
    const std::uint64_t old = pair.one.engine().status(pair.now).front().initiator_spi;
    pair.one.engine().use_source_lookup(
        [](const IpAddress&) { return std::optional{ip("198.51.100.1")}; });
    pair.feed(pair.one, AddressesChanged{{ip("198.51.100.1")}});
    pair.pass(std::chrono::seconds{5});
    ASSERT_EQ(pair.one.engine().status(pair.now).size(), 1U);
    EXPECT_NE(pair.one.engine().status(pair.now).front().initiator_spi, old);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().local.address, ip("198.51.100.1"));
}

}  // namespace
}  // namespace culvert::ike::v2
