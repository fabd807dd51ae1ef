// Additional key exchanges (RFC 9370): IKE_INTERMEDIATE before IKE_AUTH (RFC 9242), IKE_FOLLOWUP_KE
// behind CREATE_CHILD_SA.

#include "engine_pair.hpp"
#include "ike/v2/fragment_buffer.hpp"
#include "ike/v2/init.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

// What AUTH covers, by hand from RFC 9242 3.3.2.
TEST(IntermediateChain, IsThatOfTheRfc) {
    const crypto::Prf prf{crypto::PrfAlgorithm::hmac_sha2_256};
    const Secret pi = Secret::copy_of(Bytes(32, 1));
    const Secret pr = Secret::copy_of(Bytes(32, 2));
    const Secret next_pi = Secret::copy_of(Bytes(32, 3));
    const Secret next_pr = Secret::copy_of(Bytes(32, 4));
    const Bytes i1{1, 2};
    const Bytes r1{3};
    const Bytes i2{4, 5, 6};
    const Bytes r2{7, 8};
    IntermediateChain chain;
    EXPECT_TRUE(chain.int_auth().empty());
    chain.cover(prf, pi, i1, pr, r1);
    chain.cover(prf, next_pi, i2, next_pr, r2);
    Bytes wanted;
    const Secret int_i1 = prf(pi.reveal(), {i1});
    const Secret int_r1 = prf(pr.reveal(), {r1});
    append(wanted, prf(next_pi.reveal(), {int_i1.reveal(), i2}).reveal());
    append(wanted, prf(next_pr.reveal(), {int_r1.reveal(), r2}).reveal());
    append(wanted, Bytes{0, 0, 0, 3});  // the id of IKE_AUTH
    EXPECT_EQ(chain.int_auth(), wanted);
}

// The same whatever the cipher adds, and however it is cut.
TEST(IntermediateChain, CoversAMessageAsIfItWereSealedByNothing) {
    const wire::IkeHeader header{.initiator_spi = IkeSpi{1},
                                 .responder_spi = IkeSpi{2},
                                 .exchange = wire::ExchangeType::ike_intermediate,
                                 .flags = {.initiator = true},
                                 .message_id = MessageId{1}};
    wire::Payloads payloads;
    payloads.emplace_back(
        wire::KeyExchange{.method = crypto::KeMethod::ecp384, .data = Bytes(600, 0xab)});
    payloads.emplace_back(wire::Nonce{.data = Bytes(32, 0xcd)});
    const Bytes plaintext = wire::write_payloads(payloads);
    const Bytes covered = wire::covered_octets(header, wire::first_type(payloads), plaintext);
    ASSERT_EQ(covered.size(), wire::IkeHeader::size + 4 + plaintext.size());
    // Next payload SK; both lengths count what is inside alone.
    EXPECT_EQ(covered.at(16), std::to_underlying(wire::PayloadType::sk));
    EXPECT_EQ(covered.at(26) * 256U + covered.at(27), covered.size());
    EXPECT_EQ(covered.at(28), std::to_underlying(wire::PayloadType::ke));
    EXPECT_EQ(covered.at(30) * 256U + covered.at(31), 4 + plaintext.size());
    test::SeededRandom random{1};
    const auto gcm = [] {
        return crypto::IkeCipher{crypto::EncryptionAlgorithm::aes_gcm_16, 128,
                                 crypto::IntegrityAlgorithm::none, Secret::copy_of(Bytes(20, 1)),
                                 Secret{}};
    };
    const auto cbc = [] {
        return crypto::IkeCipher{crypto::EncryptionAlgorithm::aes_cbc, 128,
                                 crypto::IntegrityAlgorithm::hmac_sha2_256_128,
                                 Secret::copy_of(Bytes(16, 1)), Secret::copy_of(Bytes(32, 2))};
    };
    for (const bool aead : {true, false}) {
        crypto::IkeCipher out = aead ? gcm() : cbc();
        const crypto::IkeCipher in = aead ? gcm() : cbc();
        const auto whole = wire::seal_message(header, payloads, out, random);
        ASSERT_TRUE(whole);
        const auto opened = wire::open_message(*whole, in);
        ASSERT_TRUE(opened);
        EXPECT_EQ(opened->covered, covered);
        const auto pieces = wire::seal_fragments(header, payloads, 200, out, random);
        ASSERT_TRUE(pieces);
        ASSERT_GT(pieces->size(), 2U);
        FragmentBuffer buffer{header.message_id};
        std::optional<Result<wire::Message>> joined;
        for (const Bytes& piece : *pieces) {
            auto fragment = wire::open_fragment(piece, in);
            ASSERT_TRUE(fragment);
            joined = buffer.add(std::move(*fragment));
        }
        ASSERT_TRUE(joined && *joined);
        EXPECT_EQ((*joined)->covered, covered);
        EXPECT_EQ((*joined)->payloads, payloads);
    }
}

struct KeyExchanges : testing::Test {
    KeyExchanges() : first(gateway_config(1, 2)), second(gateway_config(2, 1)) {
        offer(first, "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_x448",
              "aes256gcm16-x25519-ke1_ecp256");
        offer(second, "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_x448",
              "aes256gcm16-x25519-ke1_ecp256");
    }
    static void offer(Config& config, std::string_view ike, std::string_view esp) {
        Connection& connection = config.connections.front();
        connection.proposals = parse_proposals(ProtocolId::ike, ike).value();
        connection.children.front().proposals = parse_proposals(ProtocolId::esp, esp).value();
    }
    Status up() {
        pair.emplace(std::move(first), std::move(second));
        return pair->up(pair->one);
    }
    // Of the last Child SA that either installed.
    bool keys_agree() {
        const auto a = pair->one.all<InstallChild>();
        const auto b = pair->two.all<InstallChild>();
        return !a.empty() && a.size() == b.size() &&
               to_bytes(a.back()->sa.outbound.encryption.reveal()) ==
                   to_bytes(b.back()->sa.inbound.encryption.reveal()) &&
               to_bytes(a.back()->sa.inbound.encryption.reveal()) ==
                   to_bytes(b.back()->sa.outbound.encryption.reveal());
    }
    std::size_t said(const Side& side, std::string_view words) {
        return static_cast<std::size_t>(std::ranges::count_if(
            side.all<Event>(),
            [&](const Event* event) { return event->text.find(words) != std::string::npos; }));
    }
    IkeSaStatus only(Side& side) {
        const auto all = side.engine().status(pair->now);
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? IkeSaStatus{} : all.front();
    }
    void expect_one_child_each() {
        EXPECT_EQ(only(pair->one).children.size(), 1U);
        EXPECT_EQ(only(pair->two).children.size(), 1U);
        EXPECT_TRUE(keys_agree());
    }
    Config first;
    Config second;
    std::optional<EnginePair> pair;
};

TEST_F(KeyExchanges, AreDoneInOrderBeforeIkeAuth) {
    ASSERT_TRUE(up()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(said(pair->one, "received IKE_INTERMEDIATE response"), 2U);
    EXPECT_EQ(only(pair->one).suite->to_string(),
              "AES_GCM_16-256/PRF_HMAC_SHA2_384/CURVE_25519/KE1_ECP_384/KE2_CURVE_448");
    EXPECT_EQ(only(pair->two).suite, only(pair->one).suite);
    expect_one_child_each();
}

TEST_F(KeyExchanges, WithoutAnyThereIsNoIntermediateExchange) {
    offer(first, "aes256gcm16-prfsha384-x25519-ke1_none-ke1_ecp384", "aes256gcm16");
    offer(second, "aes256gcm16-prfsha384-x25519", "aes256gcm16");
    ASSERT_TRUE(up()) << pair->one.errors();
    EXPECT_EQ(said(pair->one, "received IKE_INTERMEDIATE"), 0U);
}

TEST_F(KeyExchanges, ThatOnlyOneEndHasAreNoSuiteInCommonAndTheErrorNamesThem) {
    offer(second, "aes256gcm16-prfsha384-x25519", "aes256gcm16");
    EXPECT_FALSE(up());
    EXPECT_NE(pair->two.errors().find("ke1_ecp384"), std::string::npos) << pair->two.errors();
}

// The answer is lost; the request comes again under the keys from before it.
TEST_F(KeyExchanges, ALostAnswerIsSentAgainThoughTheKeysAreOthersByThen) {
    for (const unsigned lost : {1U, 2U}) {
        EnginePair p{
            [&] {
                Config c = gateway_config(1, 2);
                offer(c, "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_x448", "aes256gcm16");
                return c;
            }(),
            [&] {
                Config c = gateway_config(2, 1);
                offer(c, "aes256gcm16-prfsha384-x25519-ke1_ecp384-ke2_x448", "aes256gcm16");
                return c;
            }()};
        p.one.take(p.one.engine().handle(
            Initiate{.id = CommandId{1}, .connection = "gw", .child = "net"}, p.now));
        for (unsigned i = 0; i < 2 * lost + 1; ++i) { p.step(); }
        ASSERT_EQ(p.two.out.size(), 1U);
        p.two.out.clear();
        p.pass(seconds{10});
        ASSERT_TRUE(p.one.ended(1)) << lost;
        EXPECT_TRUE(*p.one.ended(1)) << p.one.errors();
    }
}

TEST_F(KeyExchanges, FollowTheRekeyOfAChild) {
    ASSERT_TRUE(up());
    pair->feed(pair->one, Rekey{.id = CommandId{90}, .child = "net"});
    EXPECT_TRUE(pair->one.ended(90).value()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(said(pair->two, "received IKE_FOLLOWUP_KE request"), 1U);
    expect_one_child_each();
    EXPECT_EQ(only(pair->two).children.front().additional.front(), crypto::KeMethod::ecp256);
    pair->feed(pair->two, Rekey{.id = CommandId{91}, .child = "net"});
    EXPECT_TRUE(pair->two.ended(91).value());
    expect_one_child_each();
}

TEST_F(KeyExchanges, FollowTheRekeyOfTheIkeSa) {
    ASSERT_TRUE(up());
    const std::uint64_t old = only(pair->one).initiator_spi;
    pair->feed(pair->one, Rekey{.id = CommandId{90}, .ike = "gw"});
    EXPECT_TRUE(pair->one.ended(90).value()) << pair->one.errors() << pair->two.errors();
    EXPECT_EQ(said(pair->two, "received IKE_FOLLOWUP_KE request"), 2U);
    EXPECT_NE(only(pair->one).initiator_spi, old);
    EXPECT_EQ(only(pair->one).suite->additional.at(1), crypto::KeMethod::curve448);
    // The new keys are the same at both ends.
    pair->feed(pair->two, Rekey{.id = CommandId{91}, .child = "net"});
    EXPECT_TRUE(pair->two.ended(91).value());
    expect_one_child_each();
}

TEST_F(KeyExchanges, ThatComeTooLateBeginAnew) {  // STATE_NOT_FOUND
    ASSERT_TRUE(up());
    pair->one.take(
        pair->one.engine().handle(Rekey{.id = CommandId{90}, .child = "net"}, pair->now));
    pair->step();
    pair->step();  // the answer is here, and the next request about to leave
    pair->one.out.clear();
    pair->cut = true;
    pair->pass(seconds{22});
    pair->cut = false;
    pair->pass(seconds{30});
    EXPECT_EQ(said(pair->one, "STATE_NOT_FOUND") + said(pair->one, "NO_STATE"), 1U);
    ASSERT_TRUE(pair->one.ended(90));
    EXPECT_TRUE(*pair->one.ended(90)) << pair->one.errors();
    expect_one_child_each();
}

TEST_F(KeyExchanges, OfBothEndsAtOnceAreDoneOneAfterTheOther) {
    ASSERT_TRUE(up());
    for (const bool of_child : {true, false}) {
        const Rekey rekey{.id = CommandId{of_child ? 90U : 91U},
                          .ike = of_child ? "" : "gw",
                          .child = of_child ? "net" : ""};
        pair->one.take(pair->one.engine().handle(rekey, pair->now));
        pair->two.take(pair->two.engine().handle(rekey, pair->now));
        pair->settle();
        pair->pass(seconds{60});
        EXPECT_TRUE(pair->one.ended(rekey.id.value())) << of_child;
        EXPECT_TRUE(pair->two.ended(rekey.id.value())) << of_child;
        expect_one_child_each();
    }
}

TEST_F(KeyExchanges, OurOwnOrdersWaitForThePeersAndAskForNoTimeMeanwhile) {
    ASSERT_TRUE(up());
    pair->one.take(
        pair->one.engine().handle(Rekey{.id = CommandId{90}, .child = "net"}, pair->now));
    pair->step();
    pair->two.take(pair->two.engine().handle(Rekey{.id = CommandId{91}, .ike = "gw"}, pair->now));
    EXPECT_GT(*pair->two.engine().next_deadline(), pair->now);
    pair->settle();
    EXPECT_TRUE(pair->one.ended(90).value());
    pair->pass(seconds{20});
    EXPECT_TRUE(pair->two.ended(91).value());
    expect_one_child_each();
}

TEST_F(KeyExchanges, AChildThatEndsMeanwhileIsNotInTheWay) {
    ASSERT_TRUE(up());
    pair->one.take(
        pair->one.engine().handle(Rekey{.id = CommandId{90}, .child = "net"}, pair->now));
    pair->step();
    pair->step();
    // Between CREATE_CHILD_SA and IKE_FOLLOWUP_KE the peer closes the whole IKE SA.
    pair->down(pair->two);
    pair->pass(seconds{30});
    EXPECT_TRUE(pair->one.engine().status(pair->now).empty());
    EXPECT_TRUE(pair->two.engine().status(pair->now).empty());
    EXPECT_TRUE(pair->one.ended(90));
}

}  // namespace
}  // namespace culvert::ike::v2
