// What comes beside certificates in IKE_AUTH, or instead of them: OCSP responses, hashes and URLs,
// further authentication rounds.

#include "bundle_file.hpp"
#include "certificate_pair.hpp"
#include "crypto/hash.hpp"
#include "ike/v2/certificate_auth.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/signature_auth.hpp"

namespace culvert::ike::v2 {
namespace {

// RFC 4806: the initiator cannot ask the responder of its peer's authority, but the peer can.
struct InBand : CertificateAuth {
    void SetUp() override {
        CertificateAuth::SetUp();
        known_one = {.authorities = {certificate("root")},
                     .certificates = {certificate("g2")},
                     .crls = {x509::Crl::parse(x509::file("root.crl")).value()},
                     .keys = {private_key("g2")}};
        known_two = {.authorities = {certificate("root")},
                     .certificates = {certificate("asked"), certificate("middle")},
                     .keys = {private_key("asked")}};
        for (const auto& [connection, local, remote] :
             {std::tuple{&first(), "g2.example", "g1.example"},
              std::tuple{&second(), "g1.example", "g2.example"}}) {
            connection->local.id = identity(local);
            connection->remote.id = identity(remote);
        }
        first().remote.revocation = x509::RevocationPolicy::strict;
        first().ocsp = OcspInBand::request;
    }
    // Up to where `side` asks about a certificate; then it gets the answer in that file.
    Status up_with(Side& side, const std::string& answer) {
        const auto asked = side.all<FetchRevocation>();
        if (asked.empty()) { return std::unexpected(Error{.received = "nothing was asked"}); }
        pair->feed(side, RevocationFetched{asked.back()->id, x509::file(answer)});
        const auto ended = pair->one.ended(1);
        return ended ? *ended : std::unexpected(Error{.received = "it has not ended"});
    }
};

TEST_F(InBand, ThePeersOwnResponseLetsItIn) {
    EXPECT_FALSE(up());
    EXPECT_TRUE(pair->one.all<FetchRevocation>().empty());
    const Status done = up_with(pair->two, "asked.ocsp");
    EXPECT_TRUE(done) << pair->one.errors() << pair->two.errors();
    EXPECT_TRUE(pair->one.all<FetchRevocation>().empty()) << "it was told by the peer";
}

TEST_F(InBand, AResponseThatNobodyMayGiveDoesNot) {
    EXPECT_FALSE(up());
    // Of another certificate: the peer does not send it, and we ask for ourselves.
    (void)up_with(pair->two, "pretended.ocsp");
    EXPECT_FALSE(pair->one.all<FetchRevocation>().empty());
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
}

TEST_F(InBand, NothingIsSentOrAskedWhereItIsSwitchedOff) {
    second().ocsp = OcspInBand::never;
    EXPECT_FALSE(up());
    EXPECT_TRUE(pair->two.all<FetchRevocation>().empty());
    EXPECT_FALSE(pair->one.all<FetchRevocation>().empty()) << "we ask for ourselves";
}

// Which connection it will be is not known when CERTREQ leaves.
TEST_F(InBand, AResponderAsksIfAnyConnectionThatItMayBeWantsIt) {
    const auto wants = [](const Side& side) {
        return std::ranges::any_of(side.all<Event>(), [](const Event* event) {
            return event->text.contains("sending IKE_SA_INIT response") &&
                   event->text.contains("CERTREQ CERTREQ");
        });
    };
    for (const bool wanted : {false, true}) {
        SetUp();
        first().ocsp = OcspInBand::reply;
        Connection another = second();
        another.name = "another";
        another.ocsp = wanted ? OcspInBand::request : OcspInBand::reply;
        two.connections.push_back(another);
        (void)up();
        EXPECT_EQ(wants(pair->two), wanted);
    }
}

TEST_F(InBand, AnInitiatorSendsWhatItHasTheNextTime) {
    std::swap(known_one, known_two);
    std::swap(first().local.id, second().local.id);
    std::swap(first().remote.id, second().remote.id);
    std::swap(first().ocsp, second().ocsp);
    std::swap(first().remote.revocation, second().remote.revocation);
    EXPECT_FALSE(up());
    ASSERT_FALSE(pair->one.all<FetchRevocation>().empty());
    const std::size_t by_two = pair->two.all<FetchRevocation>().size();
    pair->feed(pair->one, RevocationFetched{pair->one.all<FetchRevocation>().back()->id,
                                            x509::file("asked.ocsp")});
    // The responder asks where it can, and gets nothing.
    for (std::size_t i = 0; i < pair->two.all<FetchRevocation>().size(); ++i) {
        const std::uint64_t id = pair->two.all<FetchRevocation>().at(i)->id;
        pair->feed(pair->two, RevocationFetched{id, std::unexpected(Error{})});
    }
    pair->pass(std::chrono::seconds{120});
    EXPECT_TRUE(pair->up(pair->one)) << pair->one.errors() << pair->two.errors();
    EXPECT_GE(by_two, 1U);
}

// RFC 7296 3.6: the responder lies behind nothing but a URL.
struct ByUrl : CertificateAuth {
    static constexpr std::string_view base = "http://certs.example/x/";
    void SetUp() override {
        CertificateAuth::SetUp();
        for (Config* config : {&one, &two}) { config->settings.hash_and_url = true; }
        for (CredentialSet* set : {&known_one, &known_two}) {
            set->infos.push_back({.name = "root",
                                  .certificate = certificate("root"),
                                  .certificate_url_base = std::string{base}});
        }
    }
    std::vector<const FetchRevocation*> asked(Side& side) {
        std::vector<const FetchRevocation*> out;
        for (const FetchRevocation* one_of : side.all<FetchRevocation>()) {
            if (one_of->kind == FetchRevocation::Kind::certificate) { out.push_back(one_of); }
        }
        return out;
    }
    // g1's own issuer has no base, so that it comes whole; that of middle has one.
    void serve_middle() {
        const auto wanted = asked(pair->two);
        ASSERT_EQ(wanted.size(), 1U);
        const std::uint64_t id = wanted.front()->id;
        pair->feed(pair->two, RevocationFetched{id, certificate("middle").der()});
    }
    Status ended() {
        const auto status = pair->one.ended(1);
        return status ? *status : Status{std::unexpected(Error{.received = "it has not ended"})};
    }
};

TEST_F(ByUrl, TheCertificateIsFetchedAndCountsAsIfSent) {
    EXPECT_FALSE(up());
    serve_middle();
    const auto wanted = asked(pair->one);
    ASSERT_EQ(wanted.size(), 1U);
    const Bytes der = certificate("g2").der();
    EXPECT_EQ(wanted.front()->url,
              std::string{base} + to_hex(crypto::hash(crypto::HashAlgorithm::sha1, {der})));
    const std::uint64_t id = wanted.front()->id;
    pair->feed(pair->one, RevocationFetched{id, der});
    EXPECT_TRUE(ended()) << pair->one.errors() << pair->two.errors();
}

// The peer puts all that there is to know of it into one file.
TEST_F(ByUrl, ABundleCountsAsIfAllOfItWereSent) {
    const Bytes list = x509::Crl::parse(x509::file("middle.crl")).value().der();
    const Bytes whole = x509::bundle_of({x509::bundled_certificate(certificate("g1").der()),
                                         x509::bundled_certificate(certificate("middle").der()),
                                         x509::bundled_list(list)});
    known_two.crls = {x509::Crl::parse(x509::file("root.crl")).value()};
    second().remote.revocation = x509::RevocationPolicy::strict;
    two.credentials = std::make_shared<const CredentialSet>(known_two);
    test::SeededRandom random{7};
    EngineState state{std::make_shared<const Config>(std::move(two)), random};
    state.calendar = [](Instant) { return today(); };
    state.revocation.on = true;
    Actions actions;
    const Environment env{.state = state, .now = Instant{}, .actions = actions};

    Bytes named = crypto::hash(crypto::HashAlgorithm::sha1, {whole});
    append(named, as_bytes(std::string{base} + "all"));
    const wire::Payloads payloads{
        wire::Certificate{.encoding = wire::CertEncoding::hash_and_url_bundle, .data = named}};
    const Bytes octets = to_bytes(as_bytes("what is signed"));
    const auto auth = sign_auth("gw", *private_key("g1"), octets, {2, 3, 4}).value();
    const Identity peer = identity("g1.example");
    std::vector<RevocationSource> sources;
    const PeerProof proof{
        state.config->connections.front(), auth, octets, payloads, peer, &sources};
    EXPECT_FALSE(verify_by_certificate(proof, env));
    ASSERT_EQ(sources.size(), 1U);
    EXPECT_EQ(sources.front().url, std::string{base} + "all");
    state.revocation.ask(sources, IkeSpi{1}, actions);
    (void)state.revocation.take({std::get<FetchRevocation>(actions.front()).id, whole}, env.now);
    const Status done = verify_by_certificate(proof, env);
    EXPECT_TRUE(done) << explain(done.error());
}

TEST_F(ByUrl, AnotherCertificateAtThatUrlIsNone) {
    EXPECT_FALSE(up());
    serve_middle();
    ASSERT_FALSE(asked(pair->one).empty());
    const std::uint64_t id = asked(pair->one).front()->id;
    pair->feed(pair->one, RevocationFetched{id, certificate("gw").der()});
    EXPECT_FALSE(ended());
    EXPECT_NE(pair->one.errors().find("another hash"), std::string::npos) << pair->one.errors();
    EXPECT_TRUE(pair->one.all<InstallChild>().empty());
}

TEST_F(ByUrl, C05OnlyWhatLiesUnderABaseIsFetched) {
    known_one.infos.clear();
    EXPECT_FALSE(up());
    EXPECT_TRUE(asked(pair->one).empty());
    EXPECT_NE(pair->one.errors().find("cert_uri_base"), std::string::npos) << pair->one.errors();
}

TEST_F(ByUrl, WhereItIsOffNothingIsNamedAndNothingFetched) {
    one.settings.hash_and_url = false;
    EXPECT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_TRUE(asked(pair->one).empty());
}

// RFC 4739.
struct Rounds : CertificateAuth {
    void SetUp() override {
        CertificateAuth::SetUp();
        SharedSecret secret;
        secret.name = "ike-rounds";
        secret.secret = Secret::copy_of(as_bytes("only for the tests"));
        for (Config* config : {&one, &two}) {
            config->secrets.push_back(
                {.name = secret.name, .owners = {}, .secret = secret.secret.clone()});
        }
    }
    static AuthConfig by_psk(std::string_view id) {
        return {.method = AuthMethodKind::psk, .id = id.empty() ? Identity{} : identity(id)};
    }
    bool up_with_child() {
        const bool done = up().has_value();
        return done && pair->one.all<InstallChild>().size() == 1 &&
               pair->two.all<InstallChild>().size() == 1;
    }
};

TEST_F(Rounds, TheInitiatorProvesTwoThings) {
    first().local_more = {by_psk("user@example")};
    second().remote_more = {by_psk("user@example")};
    EXPECT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
}

TEST_F(Rounds, TheResponderProvesTwoThings) {
    second().local_more = {by_psk("more@example")};
    first().remote_more = {by_psk("more@example")};
    EXPECT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
}

TEST_F(Rounds, BothProveSeveral) {
    first().local_more = {by_psk("user@example"), by_psk("third@example")};
    second().remote_more = {by_psk("user@example"), by_psk("")};
    second().local_more = {by_psk("more@example")};
    first().remote_more = {by_psk("more@example")};
    EXPECT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
}

// It has to be asked for in IKE_SA_INIT, whichever round it is for.
TEST_F(Rounds, ACertificateMayBeShownInAFurtherRound) {
    first().local_more = {std::exchange(first().local, by_psk("user@example"))};
    second().remote_more = {std::exchange(second().remote, by_psk("user@example"))};
    EXPECT_TRUE(up_with_child()) << pair->one.errors() << pair->two.errors();
}

TEST_F(Rounds, EachRoundMustBeRight) {
    first().local_more = {by_psk("user@example")};
    second().remote_more = {by_psk("user@example")};
    one.secrets.front().secret = Secret::copy_of(as_bytes("another one"));
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("user@example"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
    EXPECT_TRUE(pair->one.engine().status(pair->now).empty());
}

TEST_F(Rounds, AnIdentityOfAFurtherRoundThatIsNotTheOneIsRefused) {
    first().local_more = {by_psk("user@example")};
    second().remote_more = {by_psk("other@example")};
    EXPECT_FALSE(up());
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(Rounds, OneThatIsMissingIsRefusedByEitherSide) {
    second().remote_more = {by_psk("user@example")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("has no more"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(Rounds, TooFewOfAPeerThatHasSomeAreTold) {
    first().local_more = {by_psk("user@example")};
    second().remote_more = {by_psk("user@example"), by_psk("third@example")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("has no more"), std::string::npos) << pair->two.errors();
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
}

TEST_F(Rounds, APeerThatKnowsNoRoundsIsToldSo) {
    first().local_more = {by_psk("user@example")};
    EXPECT_FALSE(up());
    EXPECT_NE(pair->one.errors().find("MULTIPLE_AUTH_SUPPORTED"), std::string::npos)
        << pair->one.errors();
}

}  // namespace
}  // namespace culvert::ike::v2
