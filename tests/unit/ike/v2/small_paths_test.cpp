// Paths that lose large packets: what gets no answer is cut smaller (RFC 7383 2.5.1).

#include "certificate_pair.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t udp_headers_v4 = 20 + 8;

struct SmallPath : CertificateAuth {
    // The longest IP packets that come through, to each side.
    std::size_t to_one = 65535;
    std::size_t to_two = 65535;
    std::size_t lost = 0;

    // The engines stand, and nothing has been said yet.
    void begin() {
        for (const auto& [config, known] :
             {std::pair{&one, &known_one}, std::pair{&two, &known_two}}) {
            bind(config->connections.front(), *known);
            config->credentials = std::make_shared<const CredentialSet>(*known);
        }
        pair.emplace(std::move(one), std::move(two));
        for (Side* const side : {&pair->one, &pair->two}) {
            side->engine().use_calendar([](Instant) { return today(); });
        }
    }
    void bring_up() {
        pair->one.take(pair->one.engine().handle(
            Initiate{.id = CommandId{1}, .connection = "gw", .child = "net"}, pair->now));
        deliver();
    }
    void deliver() {
        while (!pair->one.out.empty() || !pair->two.out.empty()) {
            carry(pair->one, pair->two, to_two);
            carry(pair->two, pair->one, to_one);
        }
    }
    void carry(Side& from, Side& to, std::size_t longest) {
        for (Datagram& datagram : std::exchange(from.out, {})) {
            const std::size_t marker = datagram.non_esp_marker ? 4 : 0;
            if (datagram.bytes.size() + marker + udp_headers_v4 > longest) {
                ++lost;
                continue;
            }
            std::swap(datagram.local, datagram.remote);
            to.take(to.engine().handle(std::move(datagram), pair->now));
        }
    }
    void pass(seconds time) {
        for (const Instant end = pair->now + time; pair->now < end;) {
            pair->now += milliseconds{500};
            pair->one.take(pair->one.engine().tick(pair->now));
            pair->two.take(pair->two.engine().tick(pair->now));
            deliver();
        }
    }
    bool is_up() {
        return pair->one.ended(1) && *pair->one.ended(1) &&
               pair->one.all<InstallChild>().size() == 1 &&
               pair->two.all<InstallChild>().size() == 1;
    }
};

TEST_F(SmallPath, ARequestIsCutSmallerAfterTwoRepetitions) {
    begin();
    to_two = small_packet_v4;
    bring_up();
    EXPECT_GT(lost, 0U);
    EXPECT_FALSE(pair->one.ended(1));
    pass(seconds{13});  // 4 s, and 7.2 s more
    EXPECT_TRUE(is_up()) << pair->one.errors() << pair->two.errors();
}

// Some of the first pieces may have come through: the others are not mixed with them, whatever
// sizes they had.
struct SmallPathWithPieces : SmallPath, testing::WithParamInterface<std::uint16_t> {};
TEST_P(SmallPathWithPieces, PiecesOfBothKindsAreNotMixed) {
    one.settings.fragment_size = GetParam();
    begin();
    to_two = small_packet_v4;
    bring_up();
    pass(seconds{13});
    EXPECT_TRUE(is_up()) << pair->one.errors() << pair->two.errors();
}
INSTANTIATE_TEST_SUITE_P(Sizes, SmallPathWithPieces, testing::Range<std::uint16_t>(580, 1300, 20));

TEST_F(SmallPath, AnAnswerIsCutSmallerWhenItIsAskedForAgainAndAgain) {
    begin();
    to_one = small_packet_v4;
    bring_up();
    EXPECT_FALSE(pair->one.ended(1));
    EXPECT_EQ(pair->two.all<InstallChild>().size(), 1U) << "the request came through";
    pass(seconds{13});
    EXPECT_TRUE(is_up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(SmallPath, BothWaysSmall) {
    begin();
    to_one = to_two = small_packet_v4;
    bring_up();
    pass(seconds{60});
    EXPECT_TRUE(is_up()) << pair->one.errors() << pair->two.errors();
}

// Its answer is under keys that are others by the time it is asked for again (RFC 9370 2.2.2).
TEST_F(SmallPath, AnAnswerToIkeIntermediateIsCutSmallerToo) {
    for (Config* const config : {&one, &two}) {
        config->connections.front().proposals =
            parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha384-x25519-ke1_modp4096").value();
    }
    begin();
    to_one = small_packet_v4;
    bring_up();
    EXPECT_FALSE(pair->one.ended(1));
    EXPECT_TRUE(pair->two.all<InstallChild>().empty());
    pass(seconds{40});
    EXPECT_TRUE(is_up()) << pair->one.errors() << pair->two.errors();
}

TEST_F(SmallPath, WhereFragmentsAreNotAgreedOnItEndsAsBefore) {
    two.connections.front().fragmentation = Fragmentation::no;
    begin();
    to_two = small_packet_v4;
    bring_up();
    pass(seconds{200});
    ASSERT_TRUE(pair->one.ended(1));
    EXPECT_FALSE(*pair->one.ended(1));
}

TEST_F(SmallPath, WhatIsSmallAlreadyIsSentBitForBit) {
    for (Config* const config : {&one, &two}) { config->settings.fragment_size = 500; }
    begin();
    bring_up();
    ASSERT_TRUE(is_up());
    pair->one.take(pair->one.engine().handle(Rekey{.id = CommandId{2}, .ike = "gw", .child = "net"},
                                             pair->now));
    const auto first = std::exchange(pair->one.out, {});
    ASSERT_FALSE(first.empty());
    for (int i = 0; i < 3; ++i) {
        pair->now = *pair->one.engine().next_deadline();
        pair->one.take(pair->one.engine().tick(pair->now));
        const auto again = std::exchange(pair->one.out, {});
        ASSERT_EQ(again.size(), first.size());
        EXPECT_EQ(again.front().bytes, first.front().bytes);
    }
}

}  // namespace
}  // namespace culvert::ike::v2
