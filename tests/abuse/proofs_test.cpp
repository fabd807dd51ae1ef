// What proves a peer: certificates and keys (C-08, CT_AUTH), and the types of identities (CT_ID).

#include <set>

#include "abuse/abuse_test.hpp"
#include "abuse/made_certificates.hpp"
#include "crypto/private_key.hpp"
#include "ike/v2/signature_auth.hpp"

namespace culvert::ike::v2 {
namespace {

using x509::Made;

x509::SubjectAltName dns(std::string_view name) {
    return {.kind = x509::SubjectAltName::Kind::dns, .value = to_bytes(as_bytes(name))};
}

// The victim wants a certificate of `root`, which the test makes, of the peer made by hand.
struct Proofs : AbuseTest {
    void SetUp() override {
        AbuseTest::SetUp();
        pair.two.engine().use_calendar([](Instant) { return x509::today(); });
        use([](Config&) {});
    }
    template <class Change>
    void use(Change change) {
        Config config = victim_config();
        config.connections.back().remote.method = AuthMethodKind::pubkey;
        config.credentials =
            std::make_shared<const CredentialSet>(CredentialSet{.authorities = {root.certificate}});
        change(config);
        configure(std::move(config));
    }
    static crypto::PrivateKey private_key(const Made& made) {
        return crypto::PrivateKey::parse(made.key.reveal()).value();
    }
    static wire::Payload cert(const Made& made) {
        return wire::Certificate{.encoding = wire::CertEncoding::x509_signature,
                                 .data = made.certificate.der()};
    }
    // IKE_AUTH with these CERT payloads, signed by `signer`.
    bool lets_in(const std::vector<wire::Payload>& certificates, const Made& signer) {
        eve.begin_again();
        if (!eve.init()) { return false; }
        wire::Payloads payloads = eve.auth_payloads();
        payloads[1] =
            sign_auth("eve", private_key(signer), eve.octets_to_sign(), {2, 3, 4, 5}).value();
        payloads.insert(payloads.begin() + 1, certificates.begin(), certificates.end());
        const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
        const bool up = answer && wire::find<wire::Authentication>(*answer) != nullptr;
        EXPECT_TRUE(up || has(answer, NotifyType::authentication_failed));
        pair.pass(std::chrono::seconds{35});
        return up;
    }

    Made root = x509::make("root", nullptr, 1);
    Made own = x509::make("g66", &root, 2, {dns("g66.example")});
};

// ---- C-08

TEST_F(Proofs, C08SoManyCertificatesOfAPeerAreLookedAt) {
    const Made middle = x509::make("middle", &root, 3);
    const Made other = x509::make("other", nullptr, 5);
    const auto with_between = [&](std::size_t count) {
        // One that was never let in: of those the chain is known.
        const Made below = x509::make("below", &middle, 4, {dns("g66.example")});
        std::vector<wire::Payload> all{cert(below)};
        all.insert(all.end(), count, cert(other));
        all.push_back(cert(middle));
        return lets_in(all, below);
    };
    EXPECT_TRUE(with_between(0));
    EXPECT_TRUE(with_between(peer_certificates_max - 2));
    EXPECT_FALSE(with_between(peer_certificates_max - 1));
    EXPECT_FALSE(with_between(80));
}

TEST_F(Proofs, C08SoManyKeysAreTriedForOneAuth) {
    std::vector<Made> keys;
    for (std::size_t i = 0; i <= peer_keys_tried_max; ++i) {
        keys.push_back(x509::make("key", nullptr, 6));
    }
    use([&](Config& config) {
        for (const Made& one : keys) {
            config.connections.back().remote.pubkeys.push_back(one.certificate.public_key());
        }
    });
    EXPECT_TRUE(lets_in({}, keys.front()));
    EXPECT_TRUE(lets_in({}, keys[peer_keys_tried_max - 1]));
    EXPECT_FALSE(lets_in({}, keys[peer_keys_tried_max]));
}

// ---- CT_AUTH (by secrets: conformance_test.cpp)

TEST_F(Proofs, CT_AUTH_ACertificateAndItsKey) {  // RFC 7296 2.15, 3.6
    EXPECT_TRUE(lets_in({cert(own)}, own));
    // The right certificate and another's signature; none; one of an authority that nobody named.
    const Made stranger = x509::make("stranger", nullptr, 7);
    const Made pretender = x509::make("g66", &stranger, 8, {dns("g66.example")});
    const Made somebody = x509::make("g67", &root, 9, {dns("g67.example")});
    EXPECT_FALSE(lets_in({cert(own)}, somebody));
    EXPECT_FALSE(lets_in({}, own));
    EXPECT_FALSE(lets_in({cert(pretender), cert(stranger)}, pretender));
    EXPECT_FALSE(lets_in({cert(somebody)}, somebody));
}

TEST_F(Proofs, CT_AUTH_ASecretIsNoneWhereACertificateIsWanted) {
    ASSERT_TRUE(eve.init());
    EXPECT_TRUE(has(eve.ask(ExchangeType::ike_auth, eve.auth_payloads()),
                    NotifyType::authentication_failed));
}

// ---- CT_ID

struct Identities : AbuseTest {
    // A connection for whoever calls itself so, with a secret of that name.
    void expect(const Identity& remote) {
        Config config = victim_config();
        config.connections.back().remote.id = remote;
        config.secrets.back().owners = {identity("g2.example"), remote};
        configure(std::move(config));
    }
    bool lets_in() {
        eve.begin_again();
        if (!eve.init()) { return false; }
        const auto answer = eve.ask(ExchangeType::ike_auth, eve.auth_payloads());
        const bool up = answer && wire::find<wire::Authentication>(*answer) != nullptr;
        EXPECT_TRUE(up || has(answer, NotifyType::authentication_failed));
        pair.pass(std::chrono::seconds{35});
        return up;
    }
    const std::vector<Identity> all{identity("192.0.2.66"),
                                    identity("2001:db8::66"),
                                    identity("g66.example"),
                                    identity("carol@example.org"),
                                    identity("C=CH, O=Culvert, CN=g66"),
                                    Identity{IdType::key_id, {0xca, 0xfe, 0x00, 0x66}}};
    std::uint64_t commands = 100;
};

TEST_F(Identities, CT_ID_AnInitiatorOfEachType) {  // RFC 7296 3.5
    std::set<IdType> types;
    for (const Identity& expected : all) {
        types.insert(expected.type);
        expect(expected);
        for (const Identity& shown : all) {
            eve.id = shown;
            EXPECT_EQ(lets_in(), shown == expected)
                << shown.to_string() << " where it is " << expected.to_string();
        }
    }
    EXPECT_EQ(types.size(), all.size());
}

TEST_F(Identities, CT_ID_AResponderOfEachType) {
    for (const Identity& expected : all) {
        expect(expected);
        for (const Identity& shown : {expected, Identity{IdType::fqdn, {'n', 'o', 'b'}}}) {
            eve.id = shown;
            const CommandId command{++commands};
            const auto said = eve.answer_init(
                eve.feed(Initiate{.id = command, .connection = "eve", .child = "net"}).at(0));
            ASSERT_EQ(said.size(), 1U);
            const auto request = eve.open(said.front()).value();
            // It says whom it wants.
            ASSERT_NE(wire::find<wire::IdResponder>(request), nullptr);
            EXPECT_EQ(wire::find<wire::IdResponder>(request)->identity, expected);
            eve.answer(said.front(), eve.auth_answer(request));
            const auto ended = pair.two.ended(command.value());
            ASSERT_TRUE(ended);
            EXPECT_EQ(ended->has_value(), shown == expected) << shown.to_string();
            eve.feed(Terminate{.id = CommandId{++commands}, .ike = "eve", .force = true});
        }
    }
}

}  // namespace
}  // namespace culvert::ike::v2
