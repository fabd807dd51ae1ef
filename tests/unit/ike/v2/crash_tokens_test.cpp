// Quick crash detection (RFC 6290).

#include "ike/v2/crash_tokens.hpp"

#include "abuse/hand_peer.hpp"
#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

Secret secret(std::uint8_t octet) { return Secret::copy_of(Bytes(32, octet)); }

struct CrashTokens : testing::Test {
    CrashTokens() {
        pair.one.engine().use_crash_secret(secret(1));
        pair.two.engine().use_crash_secret(secret(2));
    }
    static Config patient() {
        Config config = gateway_config(1, 2);
        config.connections.front().dpd_delay = seconds{10};
        return config;
    }
    // Side two forgets everything; the secret is what its state directory keeps.
    void restart(std::optional<std::uint8_t> kept) {
        pair.two.restart(gateway_config(2, 1));
        if (kept) { pair.two.engine().use_crash_secret(secret(*kept)); }
    }
    std::size_t up() { return pair.one.engine().status(pair.now).size(); }
    EnginePair pair{patient(), gateway_config(2, 1)};
};

TEST_F(CrashTokens, APeerThatRestartedIsFoundOutByTheNextLivenessCheck) {
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
    restart(2);
    pair.pass(seconds{13});  // the retransmissions alone take minutes
    EXPECT_NE(pair.one.errors().find("was restarted"), std::string::npos) << pair.one.errors();
    ASSERT_EQ(up(), 1U);
    EXPECT_EQ(pair.one.engine().status(pair.now).front().children.size(), 1U);
    EXPECT_EQ(pair.two.engine().status(pair.now).size(), 1U);
    EXPECT_EQ(pair.one.all<RemoveChild>().size(), 1U);
}

// whoever asks may have forged where it is. Our own checks are long enough for the answer.
TEST_F(CrashTokens, AreNeverInAnAnswerThatIsLongerThanWhatWasAsked) {
    for (const char* const proposal :
         {"aes256gcm16-prfsha384-x25519", "aes128gcm8-prfsha256-x25519",
          "chacha20poly1305-prfsha256-x25519", "aes128-sha256-x25519"}) {
        Config client = patient();
        Config gateway = gateway_config(2, 1);
        for (Config* const config : {&client, &gateway}) {
            config->connections.front().proposals =
                parse_proposals(ProtocolId::ike, proposal).value();
        }
        pair.one.restart(std::move(client));
        pair.one.engine().use_crash_secret(secret(1));
        pair.two.restart(std::move(gateway));
        pair.two.engine().use_crash_secret(secret(2));
        ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors() << pair.two.errors();
        restart(2);
        pair.now += seconds{11};
        pair.one.take(pair.one.engine().tick(pair.now));
        ASSERT_EQ(pair.one.out.size(), 1U);
        Datagram check = std::move(pair.one.out.front());
        pair.one.out.clear();
        std::swap(check.local, check.remote);
        pair.two.take(pair.two.engine().handle(check, pair.now));
        ASSERT_EQ(pair.two.out.size(), 1U) << proposal;
        EXPECT_EQ(pair.two.out.front().bytes.size(), crash_answer_size) << proposal;
        EXPECT_LE(pair.two.out.front().bytes.size(), check.bytes.size()) << proposal;
        pair.two.out.clear();
        for (const std::size_t size : {crash_answer_size - 1, crash_answer_size}) {
            wire::IkeHeader header{.initiator_spi = IkeSpi{7},
                                   .responder_spi = IkeSpi{8},
                                   .next_payload = PayloadType::sk,
                                   .exchange = ExchangeType::informational,
                                   .flags = {.initiator = true}};
            header.length = static_cast<std::uint32_t>(size);
            Writer out;
            header.write(out);
            out.bytes(Bytes(size - wire::IkeHeader::size, 0));
            check.bytes = out.take();
            pair.two.take(pair.two.engine().handle(check, pair.now));
            ASSERT_EQ(pair.two.out.size(), 1U);
            EXPECT_LE(pair.two.out.front().bytes.size(), size);
            pair.two.out.clear();
        }
    }
}

TEST_F(CrashTokens, AnotherSecretOrNoneShowsNothing) {
    for (const std::optional<std::uint8_t> kept : {std::optional<std::uint8_t>{3}, {}}) {
        ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
        restart(kept);
        pair.pass(seconds{13});
        EXPECT_EQ(pair.one.errors().find("was restarted"), std::string::npos);
        EXPECT_TRUE(pair.one.all<RemoveChild>().empty());
    }
}

TEST_F(CrashTokens, AfterARekeyTheNewOnesCount) {
    ASSERT_TRUE(pair.up(pair.one));
    for (Side* const side : {&pair.one, &pair.two}) {
        pair.feed(*side, Rekey{.id = CommandId{side == &pair.one ? 50U : 51U}, .ike = "gw"});
        ASSERT_TRUE(side->ended(side == &pair.one ? 50 : 51)->has_value());
        pair.pass(seconds{1});
    }
    restart(2);
    pair.pass(seconds{13});
    EXPECT_NE(pair.one.errors().find("was restarted"), std::string::npos) << pair.one.errors();
    EXPECT_EQ(up(), 1U);
}

// RFC 6290 9.2: a message that claims to come from the other end gets the SPIs' token as little as
// any other while the IKE SA stands.
TEST_F(CrashTokens, TheTokenOfAnIkeSaThatStandsIsNeverShown) {
    ASSERT_TRUE(pair.up(pair.one));
    const IkeSaStatus status = pair.two.engine().status(pair.now).front();
    for (const bool initiator : {true, false}) {
        for (const auto type : {PayloadType::sk, PayloadType::skf, PayloadType::notify}) {
            wire::IkeHeader header{.initiator_spi = IkeSpi{status.initiator_spi},
                                   .responder_spi = IkeSpi{status.responder_spi},
                                   .next_payload = type,
                                   .exchange = ExchangeType::informational,
                                   .flags = {.initiator = initiator},
                                   .message_id = MessageId{9}};
            header.length = wire::IkeHeader::size + 100;
            Writer out;
            header.write(out);
            out.bytes(Bytes(100, 0));
            pair.two.take(pair.two.engine().handle(
                Datagram{
                    .local = status.local, .remote = {ip("203.0.113.9"), 500}, .bytes = out.take()},
                pair.now));
        }
    }
    const Bytes token =
        crash_token(secret(2), IkeSpi{status.initiator_spi}, IkeSpi{status.responder_spi});
    for (const Datagram& datagram : pair.two.out) {
        EXPECT_TRUE(std::ranges::search(datagram.bytes, token).empty());
    }
    pair.two.out.clear();
    EXPECT_EQ(up(), 1U);
}

TEST_F(CrashTokens, AForgedAnswerChangesNothing) {
    ASSERT_TRUE(pair.up(pair.one));
    const IkeSaStatus status = pair.one.engine().status(pair.now).front();
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, crash_token_size, crash_token_size_max}) {
        const wire::IkeHeader header{.initiator_spi = IkeSpi{status.initiator_spi},
                                     .responder_spi = IkeSpi{status.responder_spi},
                                     .exchange = ExchangeType::informational,
                                     .flags = {.response = true}};
        wire::Payloads payloads{wire::Notify{.type = NotifyType::invalid_ike_spi}};
        for (int i = 0; i < 3; ++i) {
            payloads.emplace_back(
                wire::Notify{.type = NotifyType::quick_crash_detection, .data = Bytes(size, 0)});
        }
        pair.feed(pair.one, Datagram{.local = status.local,
                                     .remote = status.remote,
                                     .bytes = wire::write(header, payloads)});
    }
    EXPECT_EQ(up(), 1U);
    EXPECT_TRUE(pair.one.all<RemoveChild>().empty());
}

TEST(CrashToken, DependsOnSecretAndBothSpis) {
    const Bytes token = crash_token(secret(1), IkeSpi{1}, IkeSpi{2});
    EXPECT_EQ(token.size(), 16U);
    EXPECT_EQ(token, crash_token(secret(1), IkeSpi{1}, IkeSpi{2}));
    EXPECT_NE(token, crash_token(secret(2), IkeSpi{1}, IkeSpi{2}));
    EXPECT_NE(token, crash_token(secret(1), IkeSpi{2}, IkeSpi{1}));
    EXPECT_NE(token, crash_token(secret(1), IkeSpi{1}, IkeSpi{3}));
}

}  // namespace
}  // namespace culvert::ike::v2
