// Redirects (RFC 5685): as client from each exchange that can carry one, and as gateway. S-13.

#include "ike/v2/redirect.hpp"

#include "abuse/hand_peer.hpp"
#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

Bytes octets(std::initializer_list<std::uint8_t> list) { return list; }

TEST(RedirectPayload, IsAsRfc5685Figures) {
    const Bytes nonce(16, 7);
    const wire::Notify v4 = redirect_notify(identity("192.0.2.9"), nonce);
    EXPECT_EQ(Bytes(v4.data.begin(), v4.data.begin() + 6), octets({1, 4, 192, 0, 2, 9}));
    EXPECT_EQ(v4.data.size(), 22U);
    EXPECT_EQ(redirect_notify(identity("gw.example")).data.front(), 3);
    EXPECT_EQ(redirected_from_notify(ip("2001:db8::1")).data.front(), 2);
    const auto back = redirect_target(v4);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->gateway, identity("192.0.2.9"));
    EXPECT_EQ(back->nonce, nonce);
}

TEST(RedirectPayload, NamesAGatewayOrIsNone) {
    const auto of = [](Bytes data) {
        return redirect_target({.type = NotifyType::redirect, .data = std::move(data)});
    };
    for (const Bytes& bad :
         {octets({}), octets({1}), octets({1, 4, 192, 0, 2}), octets({1, 5, 192, 0, 2, 1, 1}),
          octets({1, 4, 0, 0, 0, 0}), octets({1, 4, 127, 0, 0, 1}), octets({1, 4, 224, 0, 0, 1}),
          octets({1, 4, 255, 255, 255, 255}), octets({2, 4, 192, 0, 2, 1}), octets({3, 0}),
          octets({3, 3, 'a', '\n', 'b'}), octets({3, 3, '.', 'a', 'b'}), octets({4, 1, 'a'})}) {
        EXPECT_FALSE(of(bad)) << testing::PrintToString(bad);
    }
    EXPECT_TRUE(of(octets({1, 4, 192, 0, 2, 1})));
    EXPECT_TRUE(of(octets({3, 3, 'a', '.', 'b', 1, 2})));
}

// A client (side one) that may be sent from 192.0.2.2 to anywhere; side two answers at every
// address.
struct Redirects : testing::Test {
    Redirects() : client(gateway_config(1, 2)), gateway(gateway_config(2, 1)) {
        client.settings.follow_redirects = true;
        gateway.connections.front().local_addrs = {{.text = "%any", .any = true}};
    }
    Status up() {
        pair.emplace(std::move(client), std::move(gateway));
        return pair->up(pair->one);
    }
    Status redirect(std::string_view to, std::string_view peer = "192.0.2.0/24") {
        pair->feed(pair->two, Redirect{.id = CommandId{++last},
                                       .peer_address = IpRange::parse(peer),
                                       .gateway = identity(to)});
        const auto ended = pair->two.ended(last);
        return ended ? *ended : Status{std::unexpected(Error{.received = "not ended"})};
    }
    IkeSaStatus only(Side& side) {
        const auto all = side.engine().status(pair->now);
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? IkeSaStatus{} : all.front();
    }
    static std::size_t said(const Side& side, std::string_view words) {
        return static_cast<std::size_t>(std::ranges::count_if(
            side.all<Event>(),
            [&](const Event* event) { return event->text.find(words) != std::string::npos; }));
    }
    Config client;
    Config gateway;
    std::uint64_t last = 500;
    std::optional<EnginePair> pair;
};

TEST_F(Redirects, TheGatewaySendsAnEstablishedClientToAnother) {
    ASSERT_TRUE(up());
    ASSERT_TRUE(redirect("192.0.2.22")) << pair->two.errors();
    const IkeSaStatus now = only(pair->one);
    EXPECT_EQ(now.remote.address, ip("192.0.2.22"));
    EXPECT_EQ(now.state, IkeState::established);
    EXPECT_EQ(now.children.size(), 1U);
    EXPECT_EQ(only(pair->two).children.size(), 1U);
}

TEST_F(Redirects, TheNewChildStandsBeforeTheOldOneGoes) {
    ASSERT_TRUE(up());
    const std::size_t before = pair->one.actions.size();
    ASSERT_TRUE(redirect("192.0.2.22"));
    std::optional<std::size_t> installed;
    std::optional<std::size_t> removed;
    for (std::size_t i = before; i < pair->one.actions.size(); ++i) {
        if (std::holds_alternative<InstallChild>(pair->one.actions[i])) { installed = i; }
        if (std::holds_alternative<RemoveChild>(pair->one.actions[i])) { removed = i; }
    }
    ASSERT_TRUE(installed && removed);
    EXPECT_LT(*installed, *removed);
}

TEST_F(Redirects, AGatewayMaySendEveryNewClientAway) {
    gateway.settings.redirect_to = identity("192.0.2.22");
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.22"));
    EXPECT_EQ(only(pair->two).children.size(), 1U);
}

TEST_F(Redirects, WhoCannotBeSentAwayIsServed) {
    client.settings.follow_redirects = false;
    gateway.settings.redirect_to = identity("192.0.2.22");
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));
}

// ---- in the answer to IKE_AUTH (RFC 5685 6)

TEST_F(Redirects, AConnectionSendsItsClientsAwayOnceTheyAreKnown) {
    gateway.connections.front().redirect_to = identity("192.0.2.22");
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.22"));
    EXPECT_EQ(only(pair->one).state, IkeState::established);
    EXPECT_EQ(only(pair->two).children.size(), 1U);
    // No Child SA was made on the way.
    EXPECT_EQ(pair->one.all<InstallChild>().size(), 1U);
    EXPECT_EQ(pair->two.all<InstallChild>().size(), 1U);
    EXPECT_EQ(said(pair->two, "sending IKE_AUTH response 1 [ IDr AUTH N(REDIR) ]"), 1U);
    EXPECT_EQ(said(pair->two, "received INFORMATIONAL request 2 [ D ]"), 1U);
}

TEST_F(Redirects, OnlyThoseOfThatConnectionAre) {
    Connection other = gateway.connections.front();
    other.name = "other";
    other.remote.id = identity("g3.example");
    other.redirect_to = identity("192.0.2.22");
    gateway.connections.push_back(std::move(other));
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));
}

TEST_F(Redirects, AGatewayMaySendAllAwayOnceTheyAreKnown) {
    gateway.settings.redirect_to = identity("192.0.2.22");
    gateway.settings.redirect_when = RedirectWhen::auth;
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.22"));
    EXPECT_EQ(said(pair->two, "sending IKE_AUTH response 1 [ IDr AUTH N(REDIR) ]"), 1U);
}

TEST_F(Redirects, WhoIsNotKnownIsNotToldWhereToGo) {
    gateway.connections.front().redirect_to = identity("192.0.2.22");
    client.secrets.front().secret = Secret::copy_of(as_bytes("another one"));
    EXPECT_FALSE(up());
    EXPECT_EQ(said(pair->two, "N(REDIR)"), 0U);
}

// S-13: a forger has no AUTH.
TEST_F(Redirects, S13AGatewayThatIsNotKnownSendsNobodyAway) {
    gateway.connections.front().redirect_to = identity("192.0.2.22");
    client.connections.front().remote.id = identity("*.other.example");
    EXPECT_FALSE(up());
    EXPECT_EQ(said(pair->two, "N(REDIR)"), 1U);
    EXPECT_EQ(said(pair->one, "redirects us"), 0U);
    EXPECT_TRUE(pair->one.engine().status(pair->now).empty());
}

TEST_F(Redirects, WhoCannotBeSentAwayIsServedInIkeAuthAsWell) {
    client.settings.follow_redirects = false;
    gateway.connections.front().redirect_to = identity("192.0.2.22");
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));
    EXPECT_EQ(only(pair->two).children.size(), 1U);
}

TEST_F(Redirects, NobodyIsSentBackOrInACircle) {
    // All are sent, but who was sent already.
    gateway.settings.redirect_to = identity("gw9.example");
    gateway.settings.redirect_when = RedirectWhen::auth;
    pair.emplace(std::move(client), std::move(gateway));
    pair->feed(pair->one, Initiate{.id = CommandId{9}, .connection = "gw", .child = "net"});
    const auto asked = pair->one.all<ResolveGateway>();
    ASSERT_EQ(asked.size(), 1U);
    const std::uint64_t id = asked.front()->id;
    pair->feed(pair->one, GatewayResolved{.id = id, .addresses = {ip("192.0.2.23")}, .why = {}});
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.23"));
    EXPECT_EQ(only(pair->one).children.size(), 1U);
    EXPECT_EQ(pair->one.all<ResolveGateway>().size(), 1U);
}

TEST_F(Redirects, AConnectionThatLeadsBackServes) {
    gateway.connections.front().redirect_to = identity("192.0.2.2");
    gateway.settings.redirect_to = identity("192.0.2.22");
    ASSERT_TRUE(up()) << pair->one.errors();
    // To .22 by the first answer; back it does not go, as it came from there.
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.22"));
    EXPECT_EQ(said(pair->two, "N(REDIR)"), 0U);
}

TEST_F(Redirects, S13IkeAuthCountsForTheLimit) {
    gateway.connections.front().redirect_to = identity("gw9.example");
    pair.emplace(std::move(client), std::move(gateway));
    pair->feed(pair->one, Initiate{.id = CommandId{9}, .connection = "gw", .child = "net"});
    for (unsigned i = 0; i < redirects_max; ++i) {
        const auto asked = pair->one.all<ResolveGateway>();
        ASSERT_EQ(asked.size(), i + 1);
        const std::uint64_t id = asked.back()->id;
        pair->feed(
            pair->one,
            GatewayResolved{
                .id = id, .addresses = {ip("192.0.2." + std::to_string(40 + i))}, .why = {}});
    }
    EXPECT_EQ(pair->one.all<ResolveGateway>().size(), redirects_max);
    ASSERT_TRUE(pair->one.ended(9) && !*pair->one.ended(9));
    EXPECT_EQ(pair->one.ended(9)->error().code, ErrorCode::limit_reached);
    EXPECT_TRUE(pair->one.engine().status(pair->now).empty());
}

TEST_F(Redirects, WhoIsToldInIkeAuthAndStaysIsClosedAfterAWhile) {
    gateway.connections.front().redirect_to = identity("gw9.example");
    pair.emplace(std::move(client), std::move(gateway));
    pair->feed(pair->one, Initiate{.id = CommandId{9}, .connection = "gw", .child = "net"});
    EXPECT_EQ(only(pair->two).state, IkeState::established);
    pair->pass(redirect_patience + seconds{1});
    EXPECT_TRUE(pair->two.engine().status(pair->now).empty());
}

// The user decides, too: EAP is done before the redirect.
TEST_F(Redirects, EapComesFirst) {
    for (Config* config : {&client, &gateway}) {
        SharedSecret password;
        password.name = "eap-carol";
        password.kind = SecretKind::eap;
        password.secret = Secret::copy_of(as_bytes("Ar3etTnp"));
        config->passwords.push_back(std::move(password));
    }
    AuthConfig& local = client.connections.front().local;
    local.method = AuthMethodKind::eap;
    local.eap_methods = {eap::Type::mschapv2};
    local.eap_id = identity("carol");
    Connection& here = gateway.connections.front();
    here.remote.method = AuthMethodKind::eap;
    here.remote.eap_methods = {eap::Type::mschapv2};
    here.remote.asks_eap_id = true;
    here.remote.eap_id = identity("dave");
    Connection carols = here;
    carols.name = "carols";
    carols.remote.eap_id = identity("carol");
    carols.redirect_to = identity("192.0.2.22");
    gateway.connections.push_back(std::move(carols));
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.22"));
    EXPECT_EQ(said(pair->two, "[ AUTH N(REDIR) ]"), 1U);
}

TEST_F(Redirects, AClientThatDoesNotSayThatItFollowsIsNotSent) {
    client.settings.follow_redirects = false;
    ASSERT_TRUE(up());
    const Status status = redirect("192.0.2.22");
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::unsupported);
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));
}

TEST_F(Redirects, SelectorsAndGatewayMustMakeSense) {
    ASSERT_TRUE(up());
    EXPECT_EQ(redirect("192.0.2.22", "203.0.113.0/24").error().code, ErrorCode::not_found);
    EXPECT_EQ(redirect("127.0.0.1").error().code, ErrorCode::malformed);
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));
}

TEST_F(Redirects, AClientThatStaysIsClosedAfterAWhile) {
    ASSERT_TRUE(up());
    pair->two.take(pair->two.engine().handle(
        Redirect{.id = CommandId{1}, .ike = "gw", .gateway = identity("192.0.2.2")}, pair->now));
    pair->settle();
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));  // S-13: to itself leads nowhere
    EXPECT_NE(pair->one.errors().find("itself"), std::string::npos);
    pair->pass(redirect_patience + seconds{1});
    EXPECT_TRUE(pair->two.engine().status(pair->now).empty());
}

TEST_F(Redirects, ANameIsLookedUpAndTheFirstUsableAddressTaken) {
    ASSERT_TRUE(up());
    ASSERT_TRUE(redirect("gw9.example"));
    const auto asked = pair->one.all<ResolveGateway>();
    ASSERT_EQ(asked.size(), 1U);
    EXPECT_EQ(asked.front()->name, "gw9.example");
    pair->feed(pair->one, GatewayResolved{.id = asked.front()->id,
                                          .addresses = {ip("127.0.0.1"), ip("192.0.2.23")},
                                          .why = {}});
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.23"));
}

TEST_F(Redirects, WhatHasNoAddressChangesNothing) {
    ASSERT_TRUE(up());
    ASSERT_TRUE(redirect("gw9.example"));
    const std::uint64_t id = pair->one.all<ResolveGateway>().front()->id;
    pair->feed(pair->one, GatewayResolved{.id = id, .addresses = {}, .why = "no such name"});
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));
    EXPECT_NE(pair->one.errors().find("no such name"), std::string::npos);
    pair->feed(pair->one, GatewayResolved{.id = id, .addresses = {ip("192.0.2.9")}, .why = {}});
    EXPECT_EQ(only(pair->one).remote.address, ip("192.0.2.2"));  // not asked any more
}

TEST_F(Redirects, S13ACircleEndsAtALimit) {
    ASSERT_TRUE(up());
    for (unsigned i = 0; i < redirects_max; ++i) {
        ASSERT_TRUE(redirect(i % 2 == 0 ? "192.0.2.22" : "192.0.2.2"));
    }
    const IpAddress last_one = only(pair->one).remote.address;
    EXPECT_EQ(last_one, ip("192.0.2.22"));
    ASSERT_TRUE(redirect("192.0.2.2"));
    EXPECT_EQ(only(pair->one).remote.address, last_one);
    EXPECT_NE(pair->one.errors().find("in a circle"), std::string::npos);
}

// ---- IKE_SA_INIT and IKE_AUTH, from a gateway made by hand

struct RedirectsByHand : testing::Test {
    RedirectsByHand() : config(gateway_config(1, 2)) { config.settings.follow_redirects = true; }
    void begin() {
        side.emplace(std::move(config), 1);
        side->take(side->engine().handle(
            Initiate{.id = CommandId{1}, .connection = "gw", .child = "net"}, now));
        ASSERT_EQ(side->out.size(), 1U);
        read_request();
    }
    void read_request() {
        request = side->out.front();
        side->out.clear();
        message = wire::parse_message(request.bytes).value();
        nonce = wire::find<wire::Nonce>(message.payloads)->data;
    }
    bool says(NotifyType type) { return wire::find_notify(message.payloads, type) != nullptr; }
    void answer(const wire::Payloads& payloads) {
        const wire::IkeHeader header{.initiator_spi = message.header.initiator_spi,
                                     .exchange = ExchangeType::ike_sa_init,
                                     .flags = {.response = true}};
        side->take(side->engine().handle(Datagram{.local = request.local,
                                                  .remote = request.remote,
                                                  .bytes = wire::write(header, payloads)},
                                         now));
    }
    Config config;
    std::optional<Side> side;
    Instant now{seconds{1000}};
    Datagram request;
    wire::Message message;
    Bytes nonce;
};

TEST_F(RedirectsByHand, TheFirstAnswerMayRedirectWithOurNonce) {
    begin();
    EXPECT_TRUE(says(NotifyType::redirect_supported));
    answer({redirect_notify(identity("192.0.2.33"), nonce)});
    ASSERT_EQ(side->out.size(), 1U);
    EXPECT_EQ(side->out.front().remote.address, ip("192.0.2.33"));
    read_request();
    EXPECT_FALSE(says(NotifyType::redirect_supported));
    const auto* from = wire::find_notify(message.payloads, NotifyType::redirected_from);
    ASSERT_NE(from, nullptr);
    EXPECT_EQ(from->data, octets({1, 4, 192, 0, 2, 2}));
    EXPECT_FALSE(side->ended(1));  // the command goes on
}

TEST_F(RedirectsByHand, S13WithoutOurNonceItIsAForgery) {
    begin();
    Bytes other = nonce;
    other.back() ^= 1U;
    answer({redirect_notify(identity("192.0.2.33"), other)});
    answer({redirect_notify(identity("192.0.2.33"))});
    EXPECT_TRUE(side->out.empty());
    EXPECT_FALSE(side->ended(1));
}

TEST_F(RedirectsByHand, WithoutTheSettingItIsAnErrorThatSaysSo) {
    config.settings.follow_redirects = false;
    begin();
    EXPECT_FALSE(says(NotifyType::redirect_supported));
    answer({redirect_notify(identity("192.0.2.33"), nonce)});
    EXPECT_TRUE(side->out.empty());
    ASSERT_TRUE(side->ended(1) && !*side->ended(1));
    EXPECT_NE(explain(side->ended(1)->error()).find("follow_redirects"), std::string::npos);
}

TEST_F(RedirectsByHand, S13ManyInARowEndTheAttempt) {
    begin();
    for (unsigned i = 0; i <= redirects_max; ++i) {
        answer({redirect_notify(identity("192.0.2." + std::to_string(40 + i)), nonce)});
        if (side->out.empty()) { break; }
        read_request();
    }
    ASSERT_TRUE(side->ended(1) && !*side->ended(1));
    EXPECT_EQ(side->ended(1)->error().code, ErrorCode::limit_reached);
    EXPECT_TRUE(side->engine().status(now).empty());
}

TEST_F(RedirectsByHand, S13ToItselfEndsTheAttempt) {
    begin();
    answer({redirect_notify(identity("192.0.2.2"), nonce)});
    ASSERT_TRUE(side->ended(1) && !*side->ended(1));
    EXPECT_NE(explain(side->ended(1)->error()).find("itself"), std::string::npos);
}

}  // namespace
}  // namespace culvert::ike::v2
