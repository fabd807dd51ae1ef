// Session resumption (RFC 5723): tickets, and IKE_SESSION_RESUME of both sides.

#include "abuse/hand_peer.hpp"
#include "certificate_files.hpp"
#include "engine_pair.hpp"
#include "ike/v2/tickets.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

ResumableSa resumable(Instant expires) {
    ResumableSa sa;
    sa.connection = "gw";
    sa.suite.encryption = crypto::EncryptionAlgorithm::aes_gcm_16;
    sa.suite.key_bits = 256;
    sa.suite.prf = crypto::PrfAlgorithm::hmac_sha2_384;
    sa.sk_d = Secret::copy_of(Bytes(48, 9));
    sa.local = identity("g2.example");
    sa.remote = identity("g1.example");
    sa.expires = expires;
    sa.reauth_at = expires + seconds{7};
    return sa;
}

struct Tickets : testing::Test {
    test::SeededRandom random{5};
    Instant now{seconds{1000}};
    TicketOffice office;
    ResumableSa sa = resumable(now + seconds{100});
};

TEST_F(Tickets, ComeBackAsTheyWere) {
    const Bytes ticket = office.seal(sa, now, random);
    const auto back = office.open(ticket, now);
    ASSERT_TRUE(back);
    EXPECT_EQ(back->connection, sa.connection);
    EXPECT_EQ(back->suite, sa.suite);
    EXPECT_EQ(to_bytes(back->sk_d.reveal()), to_bytes(sa.sk_d.reveal()));
    EXPECT_EQ(back->local, sa.local);
    EXPECT_EQ(back->remote, sa.remote);
    EXPECT_EQ(back->expires, sa.expires);
    EXPECT_EQ(back->reauth_at, sa.reauth_at);
    EXPECT_TRUE(std::ranges::search(ticket, sa.sk_d.reveal()).empty());
    EXPECT_TRUE(std::ranges::search(ticket, as_bytes("g1.example")).empty());
}

TEST_F(Tickets, EndWhenWhatTheyWereGivenForMustBeProvedAnew) {
    const Bytes ticket = office.seal(sa, now, random);
    office.end_those_of("another");
    EXPECT_TRUE(office.open(ticket, now));
    office.end_those_of(sa.connection);
    EXPECT_FALSE(office.open(ticket, now));
    const Bytes later = office.seal(sa, now, random);
    EXPECT_TRUE(office.open(later, now));
    office.end_all();
    EXPECT_FALSE(office.open(later, now));
}

TEST_F(Tickets, AnyChangeOfOneIsNone) {
    const Bytes ticket = office.seal(sa, now, random);
    for (std::size_t i = 0; i < ticket.size(); ++i) {
        Bytes other = ticket;
        other[i] ^= 1U;
        EXPECT_FALSE(office.open(other, now)) << i;
        EXPECT_FALSE(office.open(ByteView{ticket}.first(i), now)) << i;
    }
    EXPECT_TRUE(office.open(ticket, now));
}

TEST_F(Tickets, EndWithTimeUseAndTheirKey) {
    const Bytes ticket = office.seal(sa, now, random);
    EXPECT_FALSE(office.open(ticket, now + seconds{100}));
    office.spend(sa.id, sa.expires, now);
    EXPECT_FALSE(office.open(ticket, now));
    TicketOffice another;
    EXPECT_FALSE(another.open(ticket, now));

    ResumableSa longer = resumable(now + 10 * ticket_key_lifetime);
    const Bytes old = office.seal(longer, now, random);
    for (int i = 1; i <= 2; ++i) {
        EXPECT_TRUE(office.open(old, now));
        now += ticket_key_lifetime;
        (void)office.seal(sa, now, random);
    }
    EXPECT_FALSE(office.open(old, now));
}

// Side one resumes after it has lost everything but its tickets: its address, say.
struct Resumption : testing::Test {
    static Config config(unsigned self, unsigned other) {
        Config out = gateway_config(self, other);
        out.connections.front().resumption = true;
        if (self == 1) { out.connections.front().dpd_delay = seconds{10}; }
        return out;
    }
    Resumption() : pair(config(1, 2), config(2, 1)) {}
    bool said(const Side& side, std::string_view words) {
        return std::ranges::any_of(side.all<Event>(), [&](const Event* event) {
            return event->text.find(words) != std::string::npos;
        });
    }
    // The peer falls silent for so long that the IKE SA is given up; nobody deletes anything.
    void lose() {
        pair.cut = true;
        pair.pass(seconds{300});
        EXPECT_TRUE(pair.one.engine().status(pair.now).empty());
        pair.cut = false;
        pair.one.actions.clear();
        pair.two.actions.clear();
    }
    bool keys_agree() {
        const auto a = pair.one.all<InstallChild>();
        const auto b = pair.two.all<InstallChild>();
        return a.size() == 1 && b.size() == 1 &&
               to_bytes(a.front()->sa.outbound.encryption.reveal()) ==
                   to_bytes(b.front()->sa.inbound.encryption.reveal());
    }
    EnginePair pair;
};

TEST_F(Resumption, TheNextIkeSaComesFromTheTicket) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    EXPECT_TRUE(said(pair.two, "TKT_REQ") || said(pair.two, "TICKET"));
    lose();
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors() << pair.two.errors();
    EXPECT_TRUE(said(pair.two, "received IKE_SESSION_RESUME"));
    EXPECT_FALSE(said(pair.two, "received IKE_SA_INIT"));
    EXPECT_TRUE(keys_agree());
    const IkeSaStatus now = pair.two.engine().status(pair.now).back();
    EXPECT_EQ(now.remote_id, identity("g1.example"));
    // And again, with the ticket that the resumed one gave.
    lose();
    ASSERT_TRUE(pair.up(pair.one));
    EXPECT_TRUE(said(pair.two, "received IKE_SESSION_RESUME"));
}

TEST_F(Resumption, AGatewayThatLostItsKeysIsAskedFromTheBeginning) {
    ASSERT_TRUE(pair.up(pair.one));
    lose();
    pair.two.restart(config(2, 1));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors() << pair.two.errors();
    EXPECT_TRUE(said(pair.two, "received IKE_SA_INIT"));
    EXPECT_TRUE(keys_agree());
}

TEST_F(Resumption, AGatewayThatDoesNotAnswerTicketsIsAskedFromTheBeginning) {
    ASSERT_TRUE(pair.up(pair.one));
    lose();
    pair.cut = true;
    pair.feed(pair.one, Initiate{.id = CommandId{700}, .connection = "gw", .child = "net"});
    pair.pass(seconds{20});
    pair.cut = false;
    pair.pass(seconds{60});
    ASSERT_TRUE(pair.one.ended(700) && *pair.one.ended(700)) << pair.one.errors();
    EXPECT_TRUE(said(pair.two, "received IKE_SA_INIT"));
}

TEST_F(Resumption, WhatWasClosedIsNotResumed) {
    for (Side* const side : {&pair.one, &pair.two}) {
        ASSERT_TRUE(pair.up(pair.one));
        pair.down(*side);
        pair.two.actions.clear();
        ASSERT_TRUE(pair.up(pair.one));
        EXPECT_TRUE(said(pair.two, "received IKE_SA_INIT"));
        pair.down(*side);
    }
}

// RFC 7296 2.8.3: credentials are shown anew. And of two IKE SAs the ticket is the newer one's.
TEST_F(Resumption, AReauthenticationIsNoResumptionAndItsTicketStays) {
    ASSERT_TRUE(pair.up(pair.one));
    pair.two.actions.clear();
    pair.feed(pair.one, Rekey{.id = CommandId{900}, .ike = "gw", .reauth = true});
    ASSERT_TRUE(pair.one.ended(900) && *pair.one.ended(900)) << pair.one.errors();
    EXPECT_FALSE(said(pair.two, "received IKE_SESSION_RESUME"));
    pair.pass(seconds{15});
    lose();
    ASSERT_TRUE(pair.up(pair.one));
    EXPECT_TRUE(said(pair.two, "received IKE_SESSION_RESUME"));
}

TEST_F(Resumption, ARekeyOfTheIkeSaKeepsTheTicket) {
    for (Side* const side : {&pair.one, &pair.two}) {
        ASSERT_TRUE(pair.up(pair.one));
        pair.feed(*side, Rekey{.id = CommandId{901}, .ike = "gw"});
        ASSERT_TRUE(side->ended(901) && *side->ended(901)) << side->errors();
        lose();
        ASSERT_TRUE(pair.up(pair.one));
        EXPECT_TRUE(said(pair.two, "received IKE_SESSION_RESUME"));
        pair.down(pair.one);
        pair.one.actions.clear();
        pair.two.actions.clear();
    }
}

TEST_F(Resumption, ATicketOfAlgorithmsThatAreNotConfiguredAnyMoreIsRefused) {
    ASSERT_TRUE(pair.up(pair.one));
    lose();
    Config other = config(2, 1);
    other.connections.front().proposals =
        parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha512-x25519").value();
    pair.two.take(
        pair.two.engine().configure(std::make_shared<const Config>(std::move(other)), pair.now));
    EXPECT_FALSE(pair.up(pair.one));
    EXPECT_TRUE(pair.two.all<InstallChild>().empty());
}

TEST_F(Resumption, WhereItIsOffNothingIsAskedOrGiven) {
    for (const bool by_client : {true, false}) {
        Config client = config(1, 2);
        Config gateway = config(2, 1);
        (by_client ? client : gateway).connections.front().resumption = false;
        pair.one.restart(std::move(client));
        pair.two.restart(std::move(gateway));
        ASSERT_TRUE(pair.up(pair.one));
        lose();
        ASSERT_TRUE(pair.up(pair.one));
        EXPECT_FALSE(said(pair.two, "received IKE_SESSION_RESUME"));
    }
}

TEST_F(Resumption, ATicketOfAConnectionThatChangedIsRefused) {
    ASSERT_TRUE(pair.up(pair.one));
    lose();
    Config other = config(2, 1);
    other.connections.front().remote.id = identity("somebody.example");
    pair.two.take(
        pair.two.engine().configure(std::make_shared<const Config>(std::move(other)), pair.now));
    EXPECT_FALSE(pair.up(pair.one));
    EXPECT_TRUE(pair.two.all<InstallChild>().empty());
}

// A client that takes any gateway does not say INITIAL_CONTACT.
TEST_F(Resumption, TheIkeSaThatIsResumedEndsAtTheGateway) {
    Config client = config(1, 2);
    client.connections.front().remote.id = {};
    client.secrets.front().owners.clear();
    pair.one.restart(std::move(client));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors() << pair.two.errors();
    lose();
    EXPECT_EQ(pair.two.engine().status(pair.now).size(), 1U);
    ASSERT_TRUE(pair.up(pair.one));
    EXPECT_TRUE(said(pair.two, "received IKE_SESSION_RESUME"));
    EXPECT_FALSE(said(pair.two, "INITIAL_CONTACT")) << "or it would end by that";
    EXPECT_EQ(pair.two.engine().status(pair.now).size(), 1U);
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 1U);
    EXPECT_TRUE(keys_agree());
}

TEST_F(Resumption, ItsVirtualAddressIsTheOneThatItHad) {
    Config client = config(1, 2);
    Config gateway = config(2, 1);
    client.connections.front().remote.id = {};
    client.secrets.front().owners.clear();
    client.connections.front().vips = {IpAddress::any(IpFamily::v4)};
    client.connections.front().children.front().local_ts = {dynamic_selector()};
    gateway.connections.front().pools = {"p"};
    gateway.connections.front().children.front().remote_ts = {dynamic_selector()};
    gateway.pools = {{.name = "p", .addresses = *IpRange::parse("10.3.0.1-10.3.0.9")}};
    pair.one.restart(std::move(client));
    pair.two.restart(std::move(gateway));
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors() << pair.two.errors();
        EXPECT_EQ(said(pair.two, "received IKE_SESSION_RESUME"), i > 0);
        ASSERT_EQ(pair.two.engine().status(pair.now).size(), 1U);
        EXPECT_EQ(pair.two.engine().status(pair.now).front().remote_vips,
                  std::vector{ip("10.3.0.1")});
        lose();
    }
}

// RFC 5685 3: the answer to IKE_SESSION_RESUME may lead elsewhere, too.
TEST_F(Resumption, AClientWithATicketIsRedirectedLikeAnyOther) {
    Config client = config(1, 2);
    client.settings.follow_redirects = true;
    pair.one.restart(std::move(client));
    ASSERT_TRUE(pair.up(pair.one));
    lose();
    Config gateway = config(2, 1);
    gateway.settings.redirect_to = identity("192.0.2.22");
    pair.two.take(
        pair.two.engine().configure(std::make_shared<const Config>(std::move(gateway)), pair.now));
    const std::size_t before = pair.two.engine().status(pair.now).size();
    EXPECT_FALSE(pair.up(pair.one));
    EXPECT_TRUE(said(pair.one, "redirects us to 192.0.2.22"));
    EXPECT_TRUE(pair.two.all<InstallChild>().empty());
    EXPECT_EQ(pair.two.engine().status(pair.now).size(), before);
}

// What was proved when the ticket was given would not be enough any more, or not be believed.
struct OutdatedTickets : Resumption {
    // A new configuration for that side, and who comes then.
    bool resumes(Side& side, Config changed) {
        EXPECT_TRUE(pair.up(pair.one)) << pair.one.errors() << pair.two.errors();
        lose();
        side.take(
            side.engine().configure(std::make_shared<const Config>(std::move(changed)), pair.now));
        came = pair.up(pair.one);
        return said(pair.two, "received IKE_SESSION_RESUME") && came;
    }
    Status came;
};

TEST_F(OutdatedTickets, WhatIsLoadedAgainAsItWasEndsNone) {
    EXPECT_TRUE(resumes(pair.two, config(2, 1)));
    EXPECT_TRUE(resumes(pair.one, config(1, 2)));
}

TEST_F(OutdatedTickets, ASecretThatIsGoneEndsThem) {
    Config gateway = config(2, 1);
    gateway.secrets.clear();
    EXPECT_FALSE(resumes(pair.two, std::move(gateway)));
    EXPECT_FALSE(came) << "it cannot prove itself any more";
    EXPECT_TRUE(pair.two.all<InstallChild>().empty());
}

TEST_F(OutdatedTickets, AnotherWayToAuthenticateEndsThoseOfItsConnection) {
    Config gateway = config(2, 1);
    gateway.connections.front().ppk_id = Identity{.type = IdType::key_id, .data = {7}};
    gateway.connections.front().ppk_required = true;
    EXPECT_FALSE(resumes(pair.two, std::move(gateway)));
    EXPECT_FALSE(came);
}

TEST_F(OutdatedTickets, ThatOfAnotherConnectionEndsNone) {
    const auto with_another = [](AuthMethodKind method) {
        Config gateway = config(2, 1);
        Connection another = gateway.connections.front();
        another.name = "another";
        another.remote = {.method = method, .id = identity("another.example")};
        gateway.connections.push_back(another);
        return gateway;
    };
    pair.two.restart(with_another(AuthMethodKind::psk));
    EXPECT_TRUE(resumes(pair.two, with_another(AuthMethodKind::pubkey)));
}

TEST_F(OutdatedTickets, OtherCertificatesAndListsEndThem) {
    NEED_CERTIFICATES();
    Config gateway = config(2, 1);
    CredentialSet set;
    set.certificates = {x509::certificate("gw")};
    gateway.credentials = std::make_shared<const CredentialSet>(std::move(set));
    EXPECT_FALSE(resumes(pair.two, std::move(gateway)));
    EXPECT_TRUE(came) << "it can prove itself, and does";
}

TEST_F(OutdatedTickets, TheClientDoesNotUseThemEither) {
    Config client = config(1, 2);
    client.secrets.front().secret = Secret::copy_of(as_bytes("another one"));
    EXPECT_FALSE(resumes(pair.one, std::move(client)));
    EXPECT_FALSE(said(pair.two, "received IKE_SESSION_RESUME"));
    EXPECT_FALSE(came);
}

// The ticket travels in the clear: whoever copies it has neither keys nor a use for it.
TEST_F(Resumption, ACopiedTicketBringsNobodyIn) {
    ASSERT_TRUE(pair.up(pair.one));
    lose();
    pair.cut = true;
    pair.one.take(pair.one.engine().handle(
        Initiate{.id = CommandId{700}, .connection = "gw", .child = "net"}, pair.now));
    ASSERT_FALSE(pair.one.out.empty());
    Datagram copy = pair.one.out.front();
    std::swap(copy.local, copy.remote);
    copy.remote.address = ip("203.0.113.5");
    const std::size_t before = pair.two.engine().status(pair.now).size();
    for (int i = 0; i < 3; ++i) { pair.two.take(pair.two.engine().handle(copy, pair.now)); }
    EXPECT_EQ(pair.two.engine().half_open(), 0U);  // not an address of that connection
    copy.remote.address = ip("192.0.2.1");
    copy.remote.port = 4711;
    for (int i = 0; i < 3; ++i) { pair.two.take(pair.two.engine().handle(copy, pair.now)); }
    EXPECT_LE(pair.two.engine().half_open(), 1U);
    EXPECT_EQ(pair.two.all<InstallChild>().size(), 0U);
    EXPECT_LE(pair.two.engine().status(pair.now).size(), before + 1);
    pair.two.out.clear();
    pair.one.out.clear();
}

}  // namespace
}  // namespace culvert::ike::v2
