// Abuse cases A: floods, and what a stranger gets for an octet.

#include <malloc.h>

#include "abuse/abuse_test.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {
namespace {

using Floods = AbuseTest;
using std::chrono::seconds;

std::size_t octets_of_all(const std::vector<Bytes>& messages) {
    std::size_t sum = 0;
    for (const Bytes& message : messages) { sum += message.size(); }
    return sum;
}

TEST_F(Floods, A01NoAnswerToAStrangerIsLongerThanTheQuestion) {
    const auto fair = [&](const Bytes& question, std::string_view what) {
        EXPECT_LE(octets_of_all(eve.send(question)), question.size()) << what;
    };
    const Bytes good = eve.init_request();
    Bytes version = good;
    version[17] = 0x30;
    fair(version, "INVALID_MAJOR_VERSION");
    wire::IkeHeader header = eve.init_header();
    header.exchange = ExchangeType::informational;
    header.responder_spi = IkeSpi{77};
    fair(wire::write(header, {}), "INVALID_IKE_SPI to a bare header");
    fair(wire::write(header, eve.init_payloads()), "INVALID_IKE_SPI");
    wire::Payloads payloads = eve.init_payloads();
    payloads.emplace_back(
        wire::UnknownPayload{.type = PayloadType{99}, .critical = true, .body = {}});
    fair(wire::write(eve.init_header(), payloads), "UNSUPPORTED_CRITICAL_PAYLOAD");
    fair(wire::write(eve.init_header(),
                     {wire::UnknownPayload{.type = PayloadType{99}, .critical = true, .body = {}}}),
         "UNSUPPORTED_CRITICAL_PAYLOAD to little");
    payloads = eve.init_payloads();
    std::get<wire::KeyExchange>(payloads[1]).method = crypto::KeMethod::modp2048;
    fair(wire::write(eve.init_header(), payloads), "INVALID_KE_PAYLOAD");
    payloads = eve.init_payloads();
    std::get<wire::SecurityAssociation>(payloads[0]).proposals.resize(1);
    std::get<wire::SecurityAssociation>(payloads[0]).proposals[0].transforms.resize(1);
    fair(wire::write(eve.init_header(), payloads), "NO_PROPOSAL_CHOSEN");
    for (unsigned i = 0; i < 4; ++i) {  // until cookies are asked for
        eve.begin_again();
        eve.send(eve.init_request());
    }
    eve.begin_again();
    const auto cookie = eve.send(eve.init_request());
    ASSERT_EQ(cookie.size(), 1U);
    EXPECT_TRUE(has(wire::parse_message(cookie.front()).value().payloads, NotifyType::cookie));
    EXPECT_LE(octets_of_all(cookie), eve.init_request().size());
}

// P-07: what fits nothing leaves no half-open IKE SA, and still has to show where it comes from
// when there is too much of it.
TEST_F(Floods, A03ProposalsThatFitNothingAreToCarryCookies) {
    const auto nonsense = [&] {
        eve.begin_again();
        wire::Payloads payloads = eve.init_payloads();
        auto& offer = std::get<wire::SecurityAssociation>(payloads[0]).proposals;
        offer.assign(80, offer.front());
        for (Proposal& one : offer) { one.transforms.resize(1); }
        return wire::write(eve.init_header(), payloads);
    };
    const auto answer_to = [&](const Bytes& request) {
        const auto said = eve.send(request);
        EXPECT_EQ(said.size(), 1U);
        return wire::parse_message(said.front()).value().payloads;
    };
    for (unsigned i = 0; i < refused_inits_per_second_max; ++i) {
        EXPECT_TRUE(has(answer_to(nonsense()), NotifyType::no_proposal_chosen));
    }
    EXPECT_TRUE(has(answer_to(nonsense()), NotifyType::cookie));
    // Whoever is honest comes again with it.
    eve.begin_again();
    const auto asked = answer_to(eve.init_request());
    const auto* cookie = wire::find_notify(asked, NotifyType::cookie);
    ASSERT_NE(cookie, nullptr);
    wire::Payloads payloads = eve.init_payloads();
    payloads.insert(payloads.begin(), *cookie);
    EXPECT_EQ(
        wire::count<wire::SecurityAssociation>(answer_to(wire::write(eve.init_header(), payloads))),
        1U);
    pair.pass(seconds{60});
}

TEST_F(Floods, A08NoMoreIkeSasThanAreAllowed) {
    Config config = victim_config();
    config.settings.ike_sas_max = 2;
    configure(std::move(config));
    ASSERT_TRUE(eve.up());
    eve.begin_again();
    EXPECT_TRUE(eve.send(eve.init_request()).empty());
    EXPECT_NE(pair.two.errors().find("charon.ikesa_limit"), std::string::npos);
    configure(victim_config());
}

TEST_F(Floods, A01NothingIsRetransmittedToAStrangerByTimer) {  // RFC 7296 2.1
    ASSERT_TRUE(eve.init());
    for (unsigned i = 0; i < 120; ++i) {
        pair.now += std::chrono::milliseconds{500};
        pair.two.take(pair.two.engine().tick(pair.now));
        for (const Datagram& datagram : pair.two.out) {
            EXPECT_NE(datagram.remote.address, eve.at.address);
        }
        pair.settle();
    }
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
}

TEST_F(Floods, A02OneAddressIsBlockedOthersConnect) {
    for (unsigned i = 0; i < 10000; ++i) {
        eve.begin_again();
        eve.send(eve.init_request());
    }
    EXPECT_LE(pair.two.engine().half_open(), 5U);
    pair.feed(pair.one, Terminate{.id = CommandId{50}, .ike = "gw"});
    EXPECT_TRUE(pair.up(pair.one)) << pair.one.errors();
}

TEST_F(Floods, A03ManyAddressesAreAskedForCookies) {
    Config open = victim_config();
    open.connections.back().remote_addrs.clear();
    open.connections.back().remote_addrs.push_back({.text = "%any", .any = true, .ranges = {}});
    configure(std::move(open));
    std::size_t cookies = 0;
    for (std::uint32_t i = 0; i < 5000; ++i) {
        eve.begin_again();
        eve.at = {IpAddress::v4(0xc6336400 + i * 7), 500};
        const auto answer = eve.try_init(eve.init_payloads());
        cookies += has(answer, NotifyType::cookie) ? 1 : 0;
    }
    EXPECT_LE(pair.two.engine().half_open(), 30U);
    EXPECT_GE(cookies, 4970U);
}

// What the process holds, but for what the test itself keeps.
std::size_t held(Side& victim) {
    std::vector<Action>{}.swap(victim.actions);
    std::deque<Datagram>{}.swap(victim.out);
    return mallinfo2().uordblks;
}

TEST_F(Floods, A03TenThousandSpoofedAddressesLeaveNothingBehind) {
    Config open = victim_config();
    open.connections.back().remote_addrs = {{.text = "%any", .any = true, .ranges = {}}};
    configure(std::move(open));
    std::uint32_t number = 0;
    const auto flood = [&] {
        for (unsigned i = 0; i < 5000; ++i) {
            eve.begin_again();
            eve.at = {IpAddress::v4(0xc6336400 + ++number * 7), 500};
            eve.send(eve.init_request());
        }
    };
    const auto over = [&] {
        pair.pass(seconds{60});
        EXPECT_EQ(pair.two.engine().half_open(), 0U);
        return held(pair.two);
    };
    flood();
    const std::size_t once = over();
    flood();
    // 5000 more, of which 30 are half open.
    EXPECT_LE(held(pair.two), once + once / 4);
    pair.feed(pair.one, Rekey{.id = CommandId{80}, .ike = "", .child = "net"});
    EXPECT_TRUE(pair.one.ended(80).value());
    EXPECT_LE(over(), once + once / 20);
}

TEST_F(Floods, A04OnlyItsOwnFreshCookieCounts) {  // RFC 7296 2.6
    for (unsigned i = 0; i < 3; ++i) {
        eve.begin_again();
        eve.send(eve.init_request());
    }
    eve.begin_again();
    const auto asked = eve.try_init(eve.init_payloads());
    ASSERT_TRUE(has(asked, NotifyType::cookie));
    const auto with = [&](Bytes cookie) {
        wire::Payloads payloads = eve.init_payloads();
        payloads.insert(payloads.begin(),
                        wire::Notify{.type = NotifyType::cookie, .data = std::move(cookie)});
        return eve.try_init(payloads);
    };
    const Bytes cookie = wire::find_notify(*asked, NotifyType::cookie)->data;
    Bytes forged = cookie;
    forged.back() ^= 1;
    EXPECT_TRUE(has(with(forged), NotifyType::cookie));
    EXPECT_TRUE(has(with({}), NotifyType::cookie));
    const Bytes nonce = std::exchange(eve.nonce, Bytes(32, 3));
    EXPECT_TRUE(has(with(cookie), NotifyType::cookie));  // another Ni
    eve.nonce = nonce;
    pair.now += seconds{1};
    const std::size_t before = pair.two.engine().half_open();
    EXPECT_FALSE(has(with(cookie), NotifyType::cookie));
    EXPECT_EQ(pair.two.engine().half_open(), before + 1);
}

TEST_F(Floods, A05GarbageForAHalfOpenSaIsDecryptedAFewTimesOnly) {  // RFC 8019 4.2
    ASSERT_TRUE(eve.init());
    const Bytes good = eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads());
    Bytes bad = good;
    bad.back() ^= 1;
    for (unsigned i = 0; i + 1 < bad_decrypts_half_open_max; ++i) {
        EXPECT_TRUE(eve.send(bad).empty());
    }
    // A few forged ones do not keep the true one out.
    EXPECT_EQ(eve.send(good).size(), 1U);
    pair.pass(seconds{40});
    eve.begin_again();
    ASSERT_TRUE(eve.init());
    bad = eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads());
    bad.back() ^= 1;
    for (unsigned i = 0; i < 1000; ++i) { EXPECT_TRUE(eve.send(bad).empty()); }
    EXPECT_TRUE(
        eve.send(eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads())).empty());
}

// A connection that takes a dear group for its children.
struct DearGroups : AbuseTest {
    DearGroups() : AbuseTest(dear_config()) {}

    static Config dear_config() {
        Config config = victim_config();
        config.connections.at(1).children.front().proposals =
            parse_proposals(ProtocolId::esp, "aes256gcm16-modp3072").value();
        return config;
    }
};

TEST_F(DearGroups, A06KeyExchangesAtFullRateAreCutShort) {
    ASSERT_TRUE(eve.up());
    const auto ke = crypto::KeyExchange::create(crypto::KeMethod::modp3072, eve.random()).value();
    constexpr unsigned each = 32;  // of Curve25519's effort
    std::uint32_t spi = 0xc0660100;
    const auto create = [&] {
        return eve.ask(ExchangeType::create_child_sa, eve.create_child_payloads(++spi, ke));
    };
    unsigned made = 0;
    const auto creates_until_refused = [&] {
        for (made = 0;; ++made) {
            const auto answer = create();
            if (has(answer, NotifyType::temporary_failure)) { return; }
            ASSERT_TRUE(answer && wire::find<wire::SecurityAssociation>(*answer) != nullptr);
        }
    };
    creates_until_refused();
    EXPECT_EQ(made, effort_at_once / each);
    // The IKE SA lives, and what costs nothing is answered.
    EXPECT_TRUE(eve.alive());
    EXPECT_TRUE(has(eve.rekey_ike(), NotifyType::temporary_failure));
    pair.now += seconds{2};
    creates_until_refused();
    EXPECT_EQ(made, 2 * effort_per_second / each);
}

TEST_F(Floods, A06RekeyingTheIkeSaAtFullRateIsCutShort) {
    ASSERT_TRUE(eve.up());
    unsigned made = 0;
    for (;; ++made) {
        const auto answer = eve.rekey_ike();
        if (has(answer, NotifyType::temporary_failure)) { break; }
        ASSERT_TRUE(answer && wire::find<wire::SecurityAssociation>(*answer) != nullptr) << made;
    }
    // A new IKE SA is no new budget.
    EXPECT_EQ(made, effort_at_once / ike_rekey_effort_min);
    EXPECT_TRUE(eve.alive());
    // Of those that were replaced none stays for ever, though nobody deletes them.
    pair.pass(rekeyed_linger_max);
    EXPECT_EQ(ike_sas(), 2U);
}

TEST_F(Floods, A07FloodsOfAnAuthenticatedPeerAreBounded) {
    ASSERT_TRUE(eve.up());
    for (unsigned i = 0; i < 2000; ++i) { ASSERT_TRUE(eve.alive()); }
    for (std::uint32_t i = 0; i < 500; ++i) {
        wire::Payloads payloads;
        payloads.emplace_back(wire::Delete::esp({EspSpi{0x10000 + i}}));
        ASSERT_TRUE(eve.ask(ExchangeType::informational, payloads));
    }
    EXPECT_TRUE(eve_status()->tasks_queued.empty());
    wire::Payloads notifies;
    for (unsigned i = 0; i < 5000; ++i) {
        notifies.emplace_back(wire::Notify{.type = NotifyType{40000}});
    }
    EXPECT_TRUE(has(eve.ask(ExchangeType::informational, notifies), NotifyType::invalid_syntax));
    EXPECT_FALSE(eve_status());
}

TEST_F(Floods, A09RandomSpisAreAnsweredSeldom) {  // RFC 7296 2.21.4
    std::size_t answered = 0;
    constexpr unsigned rounds = 3;
    for (unsigned round = 0; round < rounds; ++round) {
        for (unsigned i = 0; i < 2000; ++i) {
            wire::IkeHeader header{.initiator_spi = IkeSpi{eve.random().u64()},
                                   .responder_spi = IkeSpi{eve.random().u64()},
                                   .exchange = ExchangeType::informational,
                                   .flags = {.initiator = true}};
            const Bytes question = wire::write(header, {wire::VendorId{.data = Bytes(64, 1)}});
            const auto answers = eve.send(question);
            answered += answers.size();
            EXPECT_LE(octets_of_all(answers), question.size());
        }
        pair.now += seconds{1};
    }
    EXPECT_GT(answered, 0U);
    EXPECT_LE(answered, std::size_t{rounds} * stray_answers_per_second_max);
}

TEST_F(Floods, A10MalformedPacketsDoNotFloodTheLog) {
    pair.two.actions.clear();
    Bytes bad = eve.init_request();
    bad[31] = 1;
    Bytes version = eve.init_request();
    version[17] = 0x10;
    for (unsigned i = 0; i < 5000; ++i) {
        eve.send(bad);
        eve.send(version);
    }
    EXPECT_LE(pair.two.all<Event>().size(), stray_events_per_second_max);
    EXPECT_LE(pair.two.engine().failures().size(), failures_per_peer_max * failure_peers_max);
}

}  // namespace
}  // namespace culvert::ike::v2
