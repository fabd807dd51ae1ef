// What an attacker may try against sequence numbers, ICVs, IVs and lifetimes (abuse V-01 to V-06);
// each test bears the id of its case.

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "hostile.hpp"
#include "ipsec/limits.hpp"
#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::make;
using test::open;
using test::pair_of;
using test::protect;
using test::refuses;
using test::sealed;
using test::with_trailer;

TEST(Abuse, V_01_replays_are_dropped) {
    const auto pair = pair_of(test::child_sa());
    std::vector<Bytes> sent;
    for (int i = 0; i < 40; ++i) { sent.push_back(protect(*pair.out, make({}))); }
    for (auto at = sent.rbegin(); at != sent.rend(); ++at) {  // reordering is no replay
        EXPECT_EQ(open(*pair.in, *at).dropped, DropReason::none);
    }
    for (const Bytes& packet : sent) { refuses(pair, packet, DropReason::inbound_replay); }
    EXPECT_EQ(open(*pair.in, protect(*pair.out, make({}))).dropped, DropReason::none);
}

TEST(Abuse, V_01_esn_across_2_to_the_32) {
    ChildSa sa = test::child_sa();
    sa.suite.esn = true;
    sa.outbound.encryption = Secret(20);
    auto pair = pair_of(sa, (std::uint64_t{1} << 32U) - 5);
    ChildSa receiver = test::child_sa();
    receiver.suite.esn = true;
    receiver.inbound_spi = EspSpi{0x2002};
    receiver.local_ts = test::child_sa().remote_ts;
    receiver.remote_ts = test::child_sa().local_ts;
    InboundSa::TestOptions options;
    options.highest_sequence = (std::uint64_t{1} << 32U) - 6;
    pair.in = InboundSa::create(receiver, Instant{}, options).value();
    std::vector<Bytes> sent;
    for (int i = 0; i < 12; ++i) { sent.push_back(protect(*pair.out, make({}))); }
    std::swap(sent[3], sent[8]);  // one from after the edge first, one from before it late
    for (const Bytes& packet : sent) {
        EXPECT_EQ(open(*pair.in, packet).dropped, DropReason::none);
    }
    for (const Bytes& packet : sent) { refuses(pair, packet, DropReason::inbound_replay); }
    EXPECT_EQ(pair.in->highest_sequence(), (std::uint64_t{1} << 32U) + 6);
}

TEST(Abuse, V_02_forged_numbers_do_not_move_the_window) {
    for (const std::uint32_t window : {0U, 1U, 64U, 1024U, 4096U, 8192U}) {
        ChildSa sa = test::child_sa();
        sa.replay_window = window;
        const auto pair = pair_of(sa);
        const Bytes first = protect(*pair.out, make({}));
        ASSERT_EQ(open(*pair.in, first).dropped, DropReason::none);
        for (const std::uint32_t guess : {2U, 5000U, 0x80000000U, 0xffffffffU}) {
            Bytes forged = first;
            set_u32(forged, 24, guess);
            EXPECT_EQ(open(*pair.in, forged).dropped, DropReason::inbound_integrity);
            EXPECT_EQ(pair.in->highest_sequence(), 1U);
        }
        EXPECT_EQ(open(*pair.in, protect(*pair.out, make({}))).dropped, DropReason::none);
    }
}

TEST(Abuse, V_03_every_bit_is_covered) {
    const auto pair = pair_of(test::child_sa());
    const Bytes outer = protect(*pair.out, make({}));
    for (std::size_t bit = 20 * 8; bit < outer.size() * 8; ++bit) {
        Bytes flipped = outer;
        flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
        const DropReason reason = open(*pair.in, flipped).dropped;
        if (bit < 24 * 8) {
            const bool reserved = get_u32(flipped, 20) < 256;
            EXPECT_EQ(reason,
                      reserved ? DropReason::inbound_reserved_spi : DropReason::inbound_no_sa);
        } else if (bit < 28 * 8 && get_u32(flipped, 24) == 0) {
            EXPECT_EQ(reason, DropReason::inbound_replay);  // no packet has number 0
        } else {
            EXPECT_EQ(reason, DropReason::inbound_integrity) << bit;
        }
    }
    EXPECT_EQ(open(*pair.in, outer).dropped, DropReason::none);
}

TEST(Abuse, V_04_bad_padding_counts_as_a_bad_icv) {
    const auto pair = pair_of(test::child_sa());
    const Bytes good = with_trailer(make({}), protocol_ipip);
    Bytes wrong = good;
    wrong[wrong.size() - 3] = 77;  // padding that is not 1, 2, 3...
    ASSERT_NE(good, wrong);
    ASSERT_GT(good[good.size() - 2], 0);
    refuses(pair, sealed(wrong), DropReason::inbound_integrity);
    Bytes longer = good;
    longer[longer.size() - 2] = 255;
    EXPECT_EQ(open(*pair.in, sealed(longer, 0x2002, 2)).dropped, DropReason::inbound_integrity);
}

TEST(Abuse, V_04_encryption_without_integrity_is_refused) {
    ChildSa sa = test::child_sa();
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_cbc, .key_bits = 128};
    sa.inbound.encryption = Secret(16);
    EXPECT_FALSE(InboundSa::create(sa, Instant{}));
}

TEST(Abuse, V_05_sequence_numbers_stop_at_2_to_the_32_and_2_to_the_64) {
    for (const bool esn : {false, true}) {
        ChildSa sa = test::child_sa();
        sa.suite.esn = esn;
        const std::uint64_t last = esn ? UINT64_MAX : UINT32_MAX;
        const auto pair = pair_of(sa, last - 2);
        EXPECT_EQ(pair.out->take_lifetime_event(Instant{}), LifetimeEvent::soft);
        DropReason dropped{};
        for (int i = 0; i < 3; ++i) {
            EXPECT_FALSE(protect(*pair.out, make({}), &dropped).empty());
        }
        for (int i = 0; i < 3; ++i) {
            EXPECT_TRUE(protect(*pair.out, make({}), &dropped).empty());
            EXPECT_EQ(dropped, DropReason::outbound_sequence_overflow);
        }
    }
}

TEST(Abuse, V_05_a_batch_is_cut_at_the_last_number) {
    const auto pair = pair_of(test::child_sa(), UINT32_MAX - 1);
    const Bytes inner = make({});
    const PacketInfo info = test::info_of(inner);
    std::array<EncapJob, 4> jobs;
    std::array<std::array<std::uint8_t, 200>, 4> room;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        jobs[i].packet = inner;
        jobs[i].info = &info;
        jobs[i].out = room[i];
    }
    CryptoContext crypto;
    encapsulate(*pair.out, jobs, crypto, Instant{});
    EXPECT_EQ(jobs[0].dropped, DropReason::none);
    EXPECT_EQ(jobs[1].dropped, DropReason::none);
    EXPECT_EQ(jobs[2].dropped, DropReason::outbound_sequence_overflow);
    EXPECT_EQ(jobs[3].dropped, DropReason::outbound_sequence_overflow);
}

TEST(Abuse, V_05_hard_limits_end_an_sa_in_both_directions) {
    using std::chrono::seconds;
    ChildSa sa = test::child_sa();
    sa.lifetime = {.soft_time = seconds{5}, .hard_time = seconds{10}, .hard_packets = 3};
    const auto by_packets = pair_of(sa);
    DropReason dropped{};
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(open(*by_packets.in, protect(*by_packets.out, make({}))).dropped,
                  DropReason::none);
    }
    EXPECT_TRUE(protect(*by_packets.out, make({}), &dropped).empty());
    EXPECT_EQ(dropped, DropReason::outbound_expired);
    EXPECT_EQ(by_packets.out->take_lifetime_event(Instant{}), LifetimeEvent::hard);
    EXPECT_EQ(by_packets.out->take_lifetime_event(Instant{}), LifetimeEvent::none);

    sa.lifetime.hard_packets = 0;
    const auto by_time = pair_of(sa);
    const Bytes early = protect(*by_time.out, make({}));
    EXPECT_EQ(by_time.out->take_lifetime_event(Instant{} + seconds{4}), LifetimeEvent::none);
    EXPECT_EQ(by_time.out->take_lifetime_event(Instant{} + seconds{5}), LifetimeEvent::soft);
    EXPECT_TRUE(protect(*by_time.out, make({}), &dropped, Instant{} + seconds{10}).empty());
    EXPECT_EQ(dropped, DropReason::outbound_expired);
    EXPECT_EQ(open(*by_time.in, early, Instant{} + seconds{10}).dropped,
              DropReason::inbound_expired);

    sa.lifetime = {.hard_bytes = 100};
    const auto by_bytes = pair_of(sa);
    EXPECT_FALSE(protect(*by_bytes.out, make({})).empty());
    EXPECT_FALSE(protect(*by_bytes.out, make({})).empty());
    EXPECT_TRUE(protect(*by_bytes.out, make({}), &dropped).empty());
    EXPECT_EQ(dropped, DropReason::outbound_expired);
}

ChildSa with_cbc() {
    ChildSa sa = test::child_sa();
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_cbc,
                .key_bits = 128,
                .integrity = crypto::IntegrityAlgorithm::hmac_sha2_256_128};
    sa.inbound = {.encryption = Secret(16), .integrity = Secret(32)};
    sa.outbound = {.encryption = Secret(16), .integrity = Secret(32)};
    return sa;
}

// The first octets of an IV, of as many packets as this.
std::vector<std::uint64_t> ivs_of(OutboundSa& sa, std::size_t batches) {
    std::vector<std::uint64_t> out;
    const Bytes inner = make({.payload = 0});
    const PacketInfo info = test::info_of(inner);
    std::array<EncapJob, batch_max> jobs;
    std::array<std::array<std::uint8_t, 200>, batch_max> room{};
    CryptoContext crypto;
    for (std::size_t round = 0; round < batches; ++round) {
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            jobs[i] = {.packet = inner, .info = &info, .out = room[i]};
        }
        encapsulate(sa, jobs, crypto, Instant{});
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            EXPECT_EQ(jobs[i].dropped, DropReason::none);
            out.push_back(std::uint64_t{get_u32(room[i], 8)} << 32U | get_u32(room[i], 12));
        }
    }
    return out;
}

// (Of several threads: tests/unit/plane, Workers. Of keys after a restart: tests/abuse, Keys.)
TEST(Abuse, V_06_a_million_ivs_do_not_repeat) {
    const auto cbc = pair_of(with_cbc());  // half of an IV: that this repeats is unlikely enough
    const auto gcm = pair_of(test::child_sa());
    for (OutboundSa* const sa : {cbc.out.get(), gcm.out.get()}) {
        auto ivs = ivs_of(*sa, 1'000'000 / batch_max);
        std::ranges::sort(ivs);
        EXPECT_EQ(std::ranges::adjacent_find(ivs), ivs.end());
        EXPECT_EQ(ivs.size(), 1'000'000U);
    }
}

// After a restart keys are new. Were they not, what a crash may repeat must not be what an IV is
// made of: an attacker who can foretell an IV of CBC chooses plaintexts to fit.
TEST(Abuse, V_06_ivs_of_cbc_cannot_be_foretold_from_keys_and_numbers) {
    std::set<Bytes> seen;
    constexpr int restarts = 200;
    culvert::test::SeededRandom random{6};
    for (int i = 0; i < restarts; ++i) {
        const auto out = OutboundSa::create(with_cbc(), random, Instant{}).value();
        const Bytes packet = protect(*out, make({}));
        seen.insert(Bytes{packet.begin() + 28, packet.begin() + 44});
    }
    EXPECT_EQ(seen.size(), 1U * restarts);
}

}  // namespace
}  // namespace culvert::ipsec
