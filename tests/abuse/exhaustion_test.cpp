// What many peers can use up: addresses; and what one can do with the way of traffic (S-12).

#include "abuse/abuse_test.hpp"
#include "ike/v2/nat_detection.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

wire::Configuration address_wanted() {
    return {.type = wire::CpType::request,
            .attributes = {{.type = wire::CpAttributeType::internal_ip4_address, .value = {}}}};
}

using Exhaustion = AbuseTest;

// ----

// The victim gives addresses to whoever knows the secret.
Config pool_config() {
    Config config = victim_config();
    Connection& eve = config.connections.at(1);
    eve.remote.id = Identity{};
    eve.remote_addrs.clear();
    eve.pools = {"four"};
    eve.children.front().remote_ts = {dynamic_selector()};
    config.secrets.at(1).owners.clear();
    config.pools = {
        {.name = "four", .addresses = *IpRange::parse("10.66.0.1-10.66.0.4"), .attributes = {}}};
    config.settings.block_threshold_per_ip = 0;
    config.settings.cookie_threshold = 0;
    config.settings.cookie_threshold_per_ip = 0;
    return config;
}

struct Pool : AbuseTest {
    Pool() : AbuseTest(pool_config()) {}

    // A peer of its own, with what IKE_AUTH answered.
    struct Client {
        std::unique_ptr<HandPeer> peer;
        std::optional<wire::Payloads> answer;
        bool served() const {
            return answer && wire::find<wire::SecurityAssociation>(*answer) != nullptr;
        }
        bool refused() const { return has(answer, NotifyType::internal_address_failure); }
    };
    Client client(unsigned number) {
        Client out{.peer = std::make_unique<HandPeer>(pair.two, pair.now, 1000 + number)};
        out.peer->id = identity("client" + std::to_string(number) + ".example");
        if (!out.peer->init()) { return out; }
        wire::Payloads payloads = out.peer->auth_payloads();
        payloads.insert(payloads.begin() + 2, address_wanted());
        out.answer = out.peer->ask(ExchangeType::ike_auth, payloads);
        return out;
    }
};

TEST_F(Pool, A08APoolThatIsExhaustedRefusesAndRecovers) {
    std::vector<Client> served;
    for (unsigned i = 0; i < 4; ++i) {
        served.push_back(client(i));
        ASSERT_TRUE(served.back().served()) << pair.two.errors();
    }
    for (unsigned i = 4; i < 1000; ++i) {
        Client one = client(i);
        ASSERT_TRUE(one.refused()) << i;
        EXPECT_FALSE(one.served());
        one.peer->ask(ExchangeType::informational, {wire::Delete::ike_sa()});
    }
    // One leaves, one comes.
    served.back().peer->ask(ExchangeType::informational, {wire::Delete::ike_sa()});
    EXPECT_TRUE(client(2000).served());
    EXPECT_TRUE(client(2001).refused());
}

TEST_F(Pool, A08TenThousandIdentitiesComingAndGoingFindAnAddressEachTime) {
    for (unsigned i = 0; i < 10000; ++i) {
        Client one = client(i);
        ASSERT_TRUE(one.served()) << i << pair.two.errors();
        one.peer->ask(ExchangeType::informational, {wire::Delete::ike_sa()});
        pair.two.actions.clear();
    }
    EXPECT_EQ(ike_sas(), 1U);  // the honest one
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
}

// ---- conformance: the configuration payload

TEST_F(Pool, CT_RW_TheReplyHasTheAddressThatTheSelectorsHave) {  // RFC 7296 2.19
    const Client one = client(1);
    ASSERT_TRUE(one.served()) << pair.two.errors();
    const auto* reply = wire::find<wire::Configuration>(*one.answer);
    ASSERT_NE(reply, nullptr);
    EXPECT_EQ(reply->type, wire::CpType::reply);
    ASSERT_FALSE(reply->attributes.empty());
    EXPECT_EQ(reply->attributes.front().type, wire::CpAttributeType::internal_ip4_address);
    const Bytes address = reply->attributes.front().value;
    ASSERT_EQ(address.size(), 4U);
    const auto* tsi = wire::find<wire::TsInitiator>(*one.answer);
    ASSERT_NE(tsi, nullptr);
    ASSERT_EQ(tsi->selectors.size(), 1U);
    EXPECT_EQ(
        to_string(tsi->selectors),
        IpAddress::v4((std::uint32_t{address[0]} << 24U) | (std::uint32_t{address[1]} << 16U) |
                      (std::uint32_t{address[2]} << 8U) | address[3])
            .to_string());
}

TEST_F(Pool, CT_RW_WithoutARequestThereIsNoChildAndTheReasonIsTold) {  // RFC 7296 3.15.4
    HandPeer peer{pair.two, pair.now, 4242};
    peer.id = identity("client.example");
    ASSERT_TRUE(peer.init());
    const auto answer = peer.ask(ExchangeType::ike_auth, peer.auth_payloads());
    EXPECT_TRUE(has(answer, NotifyType::failed_cp_required));
}

// ---- S-12

struct Mobile : Exhaustion {
    wire::Payloads update(const Endpoint& from) {
        wire::Payloads payloads;
        payloads.emplace_back(wire::Notify{.type = NotifyType::update_sa_addresses});
        add_nat_detection(payloads, eve.spi(), eve.responder_spi(), from, eve.victim_at, false,
                          eve.random());
        return payloads;
    }
    bool up() {
        if (!eve.init()) { return false; }
        wire::Payloads payloads = eve.auth_payloads();
        payloads.emplace_back(wire::Notify{.type = NotifyType::mobike_supported});
        const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
        return has(answer, NotifyType::mobike_supported);
    }
    std::vector<const UpdateEndpoints*> moved() { return pair.two.all<UpdateEndpoints>(); }
};

TEST_F(Mobile, S12AnUpdateFromASpoofedAddressMovesNoTraffic) {  // RFC 4555 3.7
    ASSERT_TRUE(up());
    const Endpoint before = eve.at;
    // The message is genuine; its source is a third party, who answers no COOKIE2.
    const Endpoint victim_of_flood{ip("203.0.113.99"), 500};
    eve.at = victim_of_flood;
    EXPECT_TRUE(eve.ask(ExchangeType::informational, update(victim_of_flood)));
    EXPECT_TRUE(moved().empty());
    eve.at = before;
}

TEST_F(Mobile, S12AnUpdateThatIsNotUnderTheKeysChangesNothing) {
    ASSERT_TRUE(up());
    const Endpoint before = eve_status()->remote;
    Bytes forged = eve.sealed(eve.header(ExchangeType::informational), update(eve.at));
    forged.back() ^= 1;
    eve.at = {ip("203.0.113.99"), 500};
    EXPECT_TRUE(eve.send(forged).empty());
    eve.at = before;
    EXPECT_EQ(eve_status()->remote, before);
    EXPECT_TRUE(moved().empty());
    EXPECT_TRUE(eve.alive());
}

TEST_F(Mobile, S12AWrongCookie2EndsTheIkeSa) {  // RFC 4555 3.7
    ASSERT_TRUE(up());
    const Endpoint elsewhere{ip("203.0.113.66"), 500};
    eve.at = elsewhere;
    pair.two.out.clear();
    const auto answers =
        eve.send(eve.sealed(eve.header(ExchangeType::informational), update(elsewhere)));
    ++eve.next_id;
    // The answer, and the victim's own request with its COOKIE2.
    ASSERT_EQ(answers.size(), 2U);
    const auto probe = eve.open(answers.back());
    ASSERT_TRUE(has(probe, NotifyType::cookie2));
    wire::IkeHeader header = wire::parse_header(answers.back()).value();
    header.flags = {.initiator = true, .response = true};
    eve.send(eve.sealed(header, {wire::Notify{.type = NotifyType::cookie2, .data = Bytes(16, 7)}}));
    EXPECT_TRUE(moved().empty());
    const auto status = eve_status();
    EXPECT_TRUE(!status || status->state == IkeState::deleting);
}

// N(NO_NATS_ALLOWED) of one who sends from there.
wire::Notify no_nats_from(const Endpoint& source, const Endpoint& destination) {
    Writer data;
    data.bytes(source.address.octets());
    data.bytes(destination.address.octets());
    data.u16(source.port);
    data.u16(destination.port);
    return {.type = NotifyType::no_nats_allowed, .data = data.take()};
}

TEST_F(Mobile, S12AForbiddenNatIsRefusedInIkeAuthAsWell) {  // RFC 4555 3.9
    for (const bool there : {true, false}) {
        eve.begin_again();
        ASSERT_TRUE(eve.init());
        wire::Payloads payloads = eve.auth_payloads();
        payloads.emplace_back(
            no_nats_from(there ? Endpoint{ip("10.0.0.66"), 500} : eve.at, eve.victim_at));
        const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
        EXPECT_EQ(has(answer, NotifyType::unexpected_nat_detected), there);
        EXPECT_EQ(wire::find<wire::Authentication>(answer.value()) == nullptr, there);
        EXPECT_EQ(pair.two.errors().find("NO_NATS_ALLOWED") != std::string::npos, true);
    }
    EXPECT_TRUE(eve.alive());
}

TEST_F(Mobile, S12AForbiddenNatLeavesTheOldPath) {  // RFC 4555 3.9
    ASSERT_TRUE(up());
    const Endpoint before = eve_status()->remote;
    wire::Payloads payloads = update(eve.at);
    payloads.emplace_back(no_nats_from(eve.at, eve.victim_at));  // the packet will have another
    eve.at = {ip("203.0.113.77"), 31000};
    const auto answer = eve.ask(ExchangeType::informational, payloads);
    EXPECT_TRUE(has(answer, NotifyType::unexpected_nat_detected));
    EXPECT_EQ(eve_status()->remote, before);
    EXPECT_TRUE(moved().empty());
    eve.at = before;
}

}  // namespace
}  // namespace culvert::ike::v2
