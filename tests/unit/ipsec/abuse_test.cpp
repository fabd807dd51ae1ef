// What an attacker on the wire, or a peer with keys, may try against the data plane; each test
// bears the id of its case. Each refusal has a counter of its own, and the next packet gets
// through.

#include <array>
#include <cstring>
#include <set>

#include <gtest/gtest.h>

#include "base/writer.hpp"
#include "crypto/packet_cipher.hpp"
#include "ipsec/header_fields.hpp"
#include "packets.hpp"

namespace culvert::ipsec {
namespace {

using test::make;
using test::open;
using test::pair_of;
using test::protect;
using test::Spec;

// ESP under the keys of test::child_sa() with anything inside, trailer included.
Bytes sealed(ByteView text, std::uint32_t spi = 0x2002, std::uint32_t sequence = 1) {
    Secret key(20);
    const auto cipher = crypto::PacketCipher::create(
        {.encryption = crypto::EncryptionAlgorithm::aes_gcm_16, .key_bits = 128}, key, Secret{});
    Writer out;
    out.u32(spi);
    out.u32(sequence);
    out.u64(sequence);
    out.bytes(text);
    out.zeros(16);
    Bytes esp = out.take();
    crypto::CipherLanes lanes;
    std::array<crypto::CipherJob, 1> jobs{
        crypto::CipherJob{.packet = esp.data(), .text_size = text.size()}};
    cipher->seal(lanes, jobs);
    Bytes packet = make({.source = "192.0.2.1",
                         .destination = "192.0.2.2",
                         .protocol = protocol_esp,
                         .payload = esp.size()});
    std::copy(esp.begin(), esp.end(), packet.begin() + 20);
    return packet;
}

Bytes with_trailer(ByteView inner, std::uint8_t next_header, std::size_t tfc = 0) {
    Bytes text = to_bytes(inner);
    text.insert(text.end(), tfc, 0);
    std::uint8_t padding = 0;
    while ((text.size() + 2) % 4 != 0) { text.push_back(++padding); }
    text.push_back(padding);
    text.push_back(next_header);
    return text;
}

// Refused for `reason`, and what comes after is taken.
void refuses(const test::Pair& pair, ByteView outer, DropReason reason) {
    EXPECT_EQ(open(*pair.in, outer).dropped, reason)
        << name(reason) << " expected, " << name(open(*pair.in, outer).dropped) << " came";
}

TEST(Abuse, I_01_spoofing_through_the_tunnel_is_dropped) {
    ChildSa sa = test::child_sa();
    sa.remote_ts = test::ts_list({"10.2.0.0/16[udp/2000]"});
    const auto pair = pair_of(sa);
    const auto inside = [&](const Spec& spec, std::uint32_t sequence) {
        return open(*pair.in, sealed(with_trailer(make(spec), protocol_ipip), 0x2002, sequence))
            .dropped;
    };
    EXPECT_EQ(inside({}, 1), DropReason::none);
    EXPECT_EQ(inside({.source = "10.9.0.1"}, 2), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.destination = "10.3.0.1"}, 3), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.protocol = protocol_tcp}, 4), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.destination_port = 2001}, 5), DropReason::inbound_selectors);
    EXPECT_EQ(inside({.fragment_offset = 8}, 6), DropReason::inbound_selectors);
    EXPECT_EQ(inside({}, 7), DropReason::none);
    EXPECT_EQ(pair.in->highest_sequence(), 7U);  // they were authentic: the window moved
    EXPECT_EQ(pair.in->counters().packets, 2U);
}

TEST(Abuse, I_01_the_sender_does_not_send_what_the_sa_does_not_cover) {
    Sad sad;
    sad.add(pair_of(test::child_sa()).out);
    EXPECT_EQ(sad.outbound(ReqId{1}, test::info_of(make({.source = "10.9.0.1"}))), nullptr);
}

TEST(Abuse, I_03_outer_fragments_are_not_opened_one_by_one) {
    const auto pair = pair_of(test::child_sa());
    Bytes outer = protect(*pair.out, make({}));
    outer[6] = 0x20;
    refuses(pair, outer, DropReason::inbound_fragment);
    outer[6] = 0;
    outer[7] = 1;
    refuses(pair, outer, DropReason::inbound_fragment);
    outer[7] = 0;
    EXPECT_EQ(open(*pair.in, outer).dropped, DropReason::none);
}

TEST(Abuse, I_04_inner_headers_that_lie) {
    const auto pair = pair_of(test::child_sa());
    std::uint32_t sequence = 1;
    const auto inside = [&](ByteView inner, std::uint8_t next) {
        return open(*pair.in, sealed(with_trailer(inner, next), 0x2002, sequence++)).dropped;
    };
    Bytes bad = make({});
    bad[0] = 0x44;
    EXPECT_EQ(inside(bad, protocol_ipip), DropReason::inbound_inner_malformed);
    bad = make({});
    set_u16(bad, 2, 2000);
    EXPECT_EQ(inside(bad, protocol_ipip), DropReason::inbound_inner_malformed);
    EXPECT_EQ(inside({}, protocol_ipip), DropReason::inbound_inner_malformed);
    // IPv4 inside, announced as IPv6.
    EXPECT_EQ(inside(make({}), protocol_ipv6), DropReason::inbound_inner_malformed);
    EXPECT_EQ(inside(make({}), protocol_tcp), DropReason::inbound_next_header);
    // A dummy packet (RFC 4303 2.6) goes silently, whatever is in it.
    EXPECT_EQ(inside(Bytes(40, 0xaa), protocol_none), DropReason::inbound_dummy);
    EXPECT_EQ(inside({}, protocol_none), DropReason::inbound_dummy);
    // Padding against traffic analysis behind the inner packet is no part of it.
    const auto padded =
        open(*pair.in, sealed(with_trailer(make({}), protocol_ipip, 400), 0x2002, sequence++));
    EXPECT_EQ(padded.dropped, DropReason::none);
    EXPECT_EQ(padded.packet, make({}));
}

TEST(Abuse, I_05_esp_inside_esp_is_handed_on_whole) {
    ChildSa sa = test::child_sa();
    sa.local_ts = test::ts_list({"0.0.0.0/0"});
    sa.remote_ts = sa.local_ts;
    const auto pair = pair_of(sa);
    Bytes packet = make({});
    for (int depth = 0; depth < 100; ++depth) { packet = protect(*pair.out, packet); }
    // One call opens one layer.
    const auto opened = open(*pair.in, packet);
    ASSERT_EQ(opened.dropped, DropReason::none);
    EXPECT_EQ(test::info_of(opened.packet).protocol, protocol_esp);
}

TEST(Abuse, I_07_every_inner_size_comes_back_exactly) {
    const auto pair = pair_of(test::child_sa());
    // Every size up to 3000, then steps that meet every residue, to the largest that fits.
    for (std::size_t payload = 0; payload < 65535 - 20 - 8 - 60;
         payload += payload < 3000 ? 1 : 997) {
        const Bytes inner = make({.payload = payload});
        DropReason dropped{};
        const Bytes outer = protect(*pair.out, inner, &dropped);
        ASSERT_EQ(dropped, DropReason::none) << payload;
        const auto opened = open(*pair.in, outer);
        ASSERT_EQ(opened.dropped, DropReason::none) << payload;
        ASSERT_EQ(opened.packet, inner) << payload;
    }
    DropReason dropped{};
    protect(*pair.out, make({.payload = 65535 - 28}), &dropped);
    EXPECT_EQ(dropped, DropReason::outbound_too_big);
}

TEST(Abuse, I_07_truncated_at_every_octet) {
    const auto pair = pair_of(test::child_sa());
    const Bytes outer = protect(*pair.out, make({}));
    for (std::size_t size = 0; size < outer.size(); ++size) {
        Bytes cut{outer.begin(), outer.begin() + static_cast<std::ptrdiff_t>(size)};
        if (size >= 20) {
            set_u16(cut, 2, static_cast<std::uint16_t>(size));
            set_ipv4_checksum(MutableByteView{cut}.first(20));
        }
        const DropReason reason = open(*pair.in, cut).dropped;
        EXPECT_TRUE(reason == DropReason::inbound_malformed ||
                    reason == DropReason::inbound_integrity)
            << size << " " << name(reason);
    }
    EXPECT_EQ(open(*pair.in, outer).dropped, DropReason::none);
}

TEST(Abuse, I_07_any_headroom_and_alignment) {
    for (const IpsecMode mode : {IpsecMode::tunnel, IpsecMode::transport}) {
        const auto pair = pair_of(test::child_sa(mode));
        const Bytes inner = make({});
        for (std::size_t headroom = 0; headroom < 48; ++headroom) {
            const Bytes outer = protect(*pair.out, inner);
            Bytes buffer(headroom);
            append(buffer, ByteView{outer}.subspan(20));
            CryptoContext crypto;
            DecapJob job;
            job.esp = MutableByteView{buffer}.subspan(headroom);
            job.outer_source = test::ip("10.1.0.1");
            job.outer_destination = test::ip("10.2.0.1");
            job.headroom = headroom;
            const DropReason reason = decapsulate(*pair.in, job, crypto, Instant{});
            // Transport mode puts a header in front; the SPI, sequence number and IV make room.
            const bool room = mode == IpsecMode::tunnel || headroom + 16 >= 20;
            EXPECT_EQ(reason, room ? DropReason::none : DropReason::inbound_no_room) << headroom;
        }
    }
}

TEST(Abuse, I_09_udp_encapsulation_that_lies) {
    ChildSa sa = test::child_sa();
    sa.udp_encap = true;
    sa.local.port = sa.remote.port = 4500;
    const auto pair = pair_of(sa);
    const Bytes outer = protect(*pair.out, make({}));
    for (const unsigned length : {0U, 7U, 8U, 11U, 0xffffU}) {
        Bytes bad = outer;
        set_u16(bad, 24, static_cast<std::uint16_t>(length));
        EXPECT_EQ(open(*pair.in, bad).dropped, DropReason::inbound_malformed) << length;
    }
    // RFC 3948 2.1: a checksum there is not looked at; ESP proves more.
    Bytes summed = outer;
    set_u16(summed, 26, 0x1234);
    EXPECT_EQ(open(*pair.in, summed).dropped, DropReason::none);
}

TEST(Abuse, I_10_spis_that_are_not_ours) {
    const auto pair = pair_of(test::child_sa());
    const Bytes text = with_trailer(make({}), protocol_ipip);
    for (const std::uint32_t spi : {0U, 1U, 255U}) {
        refuses(pair, sealed(text, spi), DropReason::inbound_reserved_spi);
    }
    refuses(pair, sealed(text, 0x2003), DropReason::inbound_no_sa);
    refuses(pair, sealed(text, 0xffffffffU), DropReason::inbound_no_sa);
    EXPECT_EQ(open(*pair.in, sealed(text)).dropped, DropReason::none);
}

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
    for (const std::uint32_t window : {0U, 1U, 64U, 1024U, 4096U}) {
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

TEST(Abuse, V_06_ivs_do_not_repeat) {
    ChildSa sa = test::child_sa();
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::aes_cbc,
                .key_bits = 128,
                .integrity = crypto::IntegrityAlgorithm::hmac_sha2_256_128};
    sa.inbound = {.encryption = Secret(16), .integrity = Secret(32)};
    sa.outbound = {.encryption = Secret(16), .integrity = Secret(32)};
    const auto cbc = pair_of(sa);
    const auto gcm = pair_of(test::child_sa());
    std::set<Bytes> seen;
    const Bytes inner = make({});
    constexpr int count = 2000;
    for (int i = 0; i < count; ++i) {
        const Bytes a = protect(*cbc.out, inner);
        seen.insert(Bytes{a.begin() + 28, a.begin() + 44});
        const Bytes b = protect(*gcm.out, inner);
        seen.insert(Bytes{b.begin() + 28, b.begin() + 36});
    }
    EXPECT_EQ(seen.size(), 2U * count);
}

TEST(Abuse, every_reason_has_a_name_of_its_own) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < drop_reasons; ++i) {
        names.insert(name(static_cast<DropReason>(i)));
    }
    EXPECT_EQ(names.size(), drop_reasons);
    EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace culvert::ipsec
