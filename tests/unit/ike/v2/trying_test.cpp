// How long and whereto a connection is tried (keyingtries), and what keeps it alive.

#include <set>

#include "engine_pair.hpp"
#include "ike/v2/connection_lookup.hpp"

namespace culvert::ike::v2 {
namespace {

TEST(RemoteAddress, IsOfAFamilyThatThereIsHere) {
    Connection connection;
    AddressPattern name = exactly("2001:db8::2");
    name.ranges.push_back(IpRange{ip("192.0.2.2"), ip("192.0.2.2")});
    connection.remote_addrs = {name};
    EXPECT_EQ(remote_address_of(connection), ip("2001:db8::2"));
    connection.local_addrs = {exactly("192.0.2.1")};
    EXPECT_EQ(remote_address_of(connection), ip("192.0.2.2"));
    connection.local_addrs = {exactly("2001:db8::1")};
    EXPECT_EQ(remote_address_of(connection), ip("2001:db8::2"));
    connection.local_addrs = {{.text = "%any", .any = true, .ranges = {}}};
    EXPECT_EQ(remote_address_of(connection), ip("2001:db8::2"));
    // None that fits is an error of its own.
    connection.local_addrs = {exactly("192.0.2.1")};
    connection.remote_addrs = {exactly("2001:db8::2")};
    EXPECT_EQ(remote_address_of(connection), ip("2001:db8::2"));
}

using std::chrono::seconds;

Config trying_config(unsigned other) {
    Config config = gateway_config(1, other);
    config.connections.front().remote.id = identity("g2.example");
    config.connections.front().keyingtries = 0;
    config.settings.retransmit = {.timeout = std::chrono::milliseconds{500}, .base = 1, .tries = 2};
    return config;
}

struct Trying : testing::Test {
    // Nobody answers. Where from and whereto messages go in this time.
    std::set<std::pair<IpAddress, IpAddress>> ways(seconds time) {
        std::set<std::pair<IpAddress, IpAddress>> out;
        for (const Instant end = pair.now + time; pair.now < end;) {
            for (const Datagram& datagram : pair.one.out) {
                out.emplace(datagram.local.address, datagram.remote.address);
            }
            pair.one.out.clear();
            pair.now += std::chrono::milliseconds{500};
            pair.one.take(pair.one.engine().tick(pair.now));
        }
        return out;
    }
    void begin() {
        pair.one.take(pair.one.engine().handle(
            Initiate{.id = CommandId{1}, .connection = "gw", .child = "net"}, pair.now));
    }
    EnginePair pair{trying_config(2), gateway_config(2, 1)};
};

TEST_F(Trying, GoesToWhereThePeerIsNow) {
    begin();
    EXPECT_TRUE(ways(seconds{5}).contains({ip("192.0.2.1"), ip("192.0.2.2")}));
    pair.one.take(
        pair.one.engine().configure(std::make_shared<const Config>(trying_config(9)), pair.now));
    EXPECT_TRUE(ways(seconds{10}).contains({ip("192.0.2.1"), ip("192.0.2.9")}));
    EXPECT_EQ(pair.one.engine().status(pair.now).size(), 1U);
}

TEST_F(Trying, StartsAnewWhereTheHostHasAnotherAddress) {
    Config config = trying_config(2);
    config.connections.front().local_addrs = {{.text = "%any", .any = true}};
    config.settings.retransmit = {.timeout = seconds{60}, .base = 1, .tries = 2};
    pair.one.restart(std::move(config));
    IpAddress here = ip("192.0.2.1");
    pair.one.engine().use_source_lookup([&](const IpAddress&) { return std::optional{here}; });
    pair.one.take(pair.one.engine().handle(AddressesChanged{{here}}, pair.now));
    begin();
    EXPECT_TRUE(ways(seconds{2}).contains({ip("192.0.2.1"), ip("192.0.2.2")}));
    here = ip("192.0.2.7");
    pair.one.take(pair.one.engine().handle(AddressesChanged{{here}}, pair.now));
    EXPECT_TRUE(ways(seconds{2}).contains({ip("192.0.2.7"), ip("192.0.2.2")}));
    EXPECT_EQ(pair.one.engine().status(pair.now).size(), 1U);
    EXPECT_FALSE(pair.one.ended(1));
}

// RFC 7296 2.4: only what is fresh shows that somebody is there.
TEST(Liveness, AReplayIsNoSignOfLife) {
    Config first = gateway_config(1, 2);
    Config second = gateway_config(2, 1);
    first.connections.front().dpd_delay = seconds{10};
    first.settings.retransmit = {.timeout = std::chrono::milliseconds{500}, .base = 1, .tries = 2};
    second.connections.front().dpd_delay = seconds{5};
    EnginePair pair{std::move(first), std::move(second)};
    ASSERT_TRUE(pair.up(pair.one));
    std::optional<Datagram> heard;
    for (unsigned i = 0; i < 20 && !heard; ++i) {
        pair.now += seconds{1};
        pair.two.take(pair.two.engine().tick(pair.now));
        if (!pair.two.out.empty()) { heard = pair.two.out.front(); }
        pair.settle();
    }
    ASSERT_TRUE(heard);
    std::swap(heard->local, heard->remote);
    pair.cut = true;
    for (unsigned i = 0; i < 40; ++i) {
        pair.one.take(pair.one.engine().handle(*heard, pair.now));
        pair.pass(seconds{1});
    }
    EXPECT_TRUE(pair.one.engine().status(pair.now).empty());
}

// RFC 5685 5: what the peer has to hear does not end with the keys.
TEST(HandingOver, ARedirectSurvivesARekey) {
    Config client = gateway_config(1, 2);
    client.settings.follow_redirects = true;
    EnginePair pair{std::move(client), gateway_config(2, 1)};
    ASSERT_TRUE(pair.up(pair.one));
    pair.two.take(pair.two.engine().handle(Rekey{.id = CommandId{70}, .ike = "gw"}, pair.now));
    pair.two.take(pair.two.engine().handle(
        Redirect{.id = CommandId{71}, .ike = "gw", .gateway = identity("192.0.2.9")}, pair.now));
    pair.one.actions.clear();
    pair.settle();
    const auto events = pair.one.all<Event>();
    EXPECT_TRUE(std::ranges::any_of(events, [](const Event* event) {
        return event->text.find("192.0.2.9") != std::string::npos;
    })) << pair.two.errors();
}

}  // namespace
}  // namespace culvert::ike::v2
