// Abuse cases S-10 and P-09: rounds of IKE_AUTH without end, or other ones than it was the turn of.

#include "abuse/abuse_test.hpp"
#include "abuse/made_certificates.hpp"
#include "crypto/private_key.hpp"
#include "ike/eap/limits.hpp"
#include "ike/eap/packet.hpp"
#include "ike/own_certificates.hpp"

namespace culvert::ike::v2 {
namespace {

// The victim wants EAP of the peer made by hand, who knows no password.
struct EapOfEve : AbuseTest {
    void want(std::vector<eap::Type> methods) {
        Config config = victim_config();
        Connection& connection = config.connections.back();
        connection.local.method = AuthMethodKind::pubkey;
        connection.remote.method = AuthMethodKind::eap;
        connection.remote.eap_methods = std::move(methods);
        SharedSecret password;
        password.name = "eap-eve";
        password.kind = SecretKind::eap;
        password.owners = {identity("g66.example")};
        password.secret = Secret::copy_of(as_bytes("which she does not know"));
        config.passwords.push_back(std::move(password));
        // EAP-TLS needs a certificate of the victim.
        CredentialSet known{.authorities = {root.certificate}, .certificates = {own.certificate}};
        known.keys = {std::make_shared<const crypto::PrivateKey>(
            crypto::PrivateKey::parse(own.key.reveal()).value())};
        bind(connection, known);
        config.credentials = std::make_shared<const CredentialSet>(std::move(known));
        configure(std::move(config));
        pair.two.engine().use_calendar([](Instant) { return x509::today(); });
    }
    // As far as the first request of the method.
    std::optional<eap::Packet> begin() {
        eve.begin_again();
        if (!eve.init()) { return std::nullopt; }
        wire::Payloads payloads = eve.auth_payloads();
        payloads.erase(payloads.begin() + 1);
        return request_in(eve.ask(ExchangeType::ike_auth, payloads));
    }
    static std::optional<eap::Packet> request_in(const std::optional<wire::Payloads>& answer) {
        const auto* eap = answer ? wire::find<wire::Eap>(*answer) : nullptr;
        const auto packet = eap == nullptr ? Result<eap::Packet>{std::unexpected(Error{})}
                                           : eap::Packet::parse(eap->message);
        return packet && packet->code == eap::Code::request ? std::optional{*packet} : std::nullopt;
    }
    static wire::Payload response(const eap::Packet& to, eap::Type type, Bytes data) {
        return wire::Eap{.message = eap::Packet{.code = eap::Code::response,
                                                .identifier = to.identifier,
                                                .type = type,
                                                .data = std::move(data)}
                                        .write()};
    }
    // The victim has ended it: whatever comes now brings no IKE SA up, and in time it is forgotten.
    void expect_the_end() {
        EXPECT_FALSE(eve.ask(ExchangeType::ike_auth, {eve.auth()}));
        EXPECT_FALSE(eve_status() && eve_status()->state == IkeState::established);
        pair.pass(std::chrono::seconds{35});
        EXPECT_FALSE(eve_status());
    }
    x509::Made root = x509::make("root", nullptr, 1);
    x509::Made own = x509::make(
        "g2", &root, 2,
        {{.kind = x509::SubjectAltName::Kind::dns, .value = to_bytes(as_bytes("g2.example"))}});
};

TEST_F(EapOfEve, S10AuthBeforeEapHasSucceededIsRefused) {  // RFC 7296 2.16
    want({eap::Type::mschapv2, eap::Type::md5});
    for (const bool beside_eap : {false, true}) {
        const auto request = begin();
        ASSERT_TRUE(request) << pair.two.errors();
        wire::Payloads early;
        early.emplace_back(eve.auth());  // from the keys of the IKE SA: which it does know
        // Beside what alone would have been answered: the wish for another method.
        if (beside_eap) { early.push_back(response(*request, eap::Type::nak, {4})); }
        const auto answer = eve.ask(ExchangeType::ike_auth, early);
        ASSERT_TRUE(answer);
        EXPECT_NE(wire::find_error_notify(*answer), nullptr);
        EXPECT_EQ(wire::find<wire::SecurityAssociation>(*answer), nullptr);
        expect_the_end();
    }
}

TEST_F(EapOfEve, S10AMethodThatIsSwitchedIsRefused) {
    want({eap::Type::mschapv2});
    for (const eap::Type other : {eap::Type::md5, eap::Type::gtc, eap::Type::tls}) {
        const auto request = begin();
        ASSERT_TRUE(request) << pair.two.errors();
        ASSERT_EQ(request->type, eap::Type::mschapv2);
        const auto answer =
            eve.ask(ExchangeType::ike_auth, {response(*request, other, Bytes(17, 16))});
        ASSERT_TRUE(answer);
        EXPECT_FALSE(request_in(answer));
        expect_the_end();
    }
}

TEST_F(EapOfEve, S10NaksWithoutEndAreCut) {
    want({eap::Type::mschapv2, eap::Type::md5, eap::Type::gtc});
    auto request = begin();
    ASSERT_TRUE(request) << pair.two.errors();
    unsigned rounds = 0;
    for (; request && rounds < 1000; ++rounds) {
        // The one that was not asked for just now.
        const Bytes wish{request->type == eap::Type::md5 ? std::uint8_t{6} : std::uint8_t{4}};
        request =
            request_in(eve.ask(ExchangeType::ike_auth, {response(*request, eap::Type::nak, wish)}));
    }
    EXPECT_GE(rounds, 1U);
    EXPECT_LE(rounds, 3U);
    expect_the_end();
}

TEST_F(EapOfEve, P09S10AFragmentOfOneOctetEachTimeIsCutAtALimit) {
    want({eap::Type::tls});
    auto request = begin();
    ASSERT_TRUE(request) << pair.two.errors();
    ASSERT_EQ(request->type, eap::Type::tls);
    unsigned rounds = 0;
    for (; request && rounds < 10 * eap::rounds_max; ++rounds) {
        request = request_in(
            eve.ask(ExchangeType::ike_auth, {response(*request, eap::Type::tls, {0x40, 0x16})}));
    }
    EXPECT_GT(rounds, eap::rounds_max / 2);
    EXPECT_LE(rounds, eap::rounds_max + 1);  // the last one is refused
    expect_the_end();
}

TEST_F(EapOfEve, P09WhatIsTooLongOrNoTlsIsRefused) {
    want({eap::Type::tls});
    for (const Bytes& data : {from_hex("c0ffffffff16").value(),            // as long as can be said
                              from_hex("c00001000116").value(),            // one more than may be
                              from_hex("00000000000000").value(),          // no record of TLS
                              from_hex("0016030100050100ffff01").value(),  // a hello that lies
                              from_hex("80").value()}) {
        const auto request = begin();
        ASSERT_TRUE(request) << pair.two.errors();
        const auto answer =
            eve.ask(ExchangeType::ike_auth, {response(*request, eap::Type::tls, data)});
        // An alert and its acknowledgement; or it waits for the rest, which never comes.
        auto more = request_in(answer);
        for (unsigned i = 0; more && i <= eap::rounds_max; ++i) {
            more =
                request_in(eve.ask(ExchangeType::ike_auth, {response(*more, eap::Type::tls, {0})}));
        }
        EXPECT_FALSE(more) << to_hex(data);
        expect_the_end();
    }
}

}  // namespace
}  // namespace culvert::ike::v2
