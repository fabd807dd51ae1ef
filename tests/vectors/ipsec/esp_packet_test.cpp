// Every ESP packet that others made is made again from its inputs, and opened again; what must be
// refused is refused.

#include <algorithm>

#include <gtest/gtest.h>

#include "ipsec/esp.hpp"
#include "packet_case.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::PacketCase;

const Instant now{};

// The packet from its inputs: outer header, and ESP.
struct Made {
    DropReason dropped = DropReason::none;
    Bytes header;
    Bytes esp;
};

Made make(const PacketCase& one, bool tail_room) {
    test::SeededRandom random{1};
    auto sa =
        OutboundSa::create(one.sa, random, now, {.first_sequence = one.sequence, .iv = one.iv});
    if (!sa) {
        ADD_FAILURE() << explain(sa.error());
        return {};
    }
    Bytes inner = one.inner;
    inner.resize(inner.size() + trailer_size_max, 0xee);
    const Bytes before = inner;
    const ByteView packet{inner.data(), one.inner.size()};
    PacketInfo info;
    EXPECT_TRUE(parse_packet(packet, info));
    Made made{.header = Bytes(overhead_max + 120), .esp = Bytes(inner.size() + overhead_max)};
    EncapJob job{.packet = packet, .info = &info, .tail_room = tail_room, .out = made.esp};
    CryptoContext crypto;
    made.dropped = encapsulate(**sa, job, crypto, now);
    EXPECT_EQ(inner, before) << "the octets behind the packet were lent, not given";
    made.esp.resize(job.size);
    if (made.dropped != DropReason::none) { return made; }
    made.header.resize(build_outer_header(**sa, job, 1, made.header));
    return made;
}

struct Opened {
    DropReason dropped = DropReason::none;
    Bytes packet;
};

Opened open(InboundSa& sa, const PacketCase& one) {
    Bytes buffer(64 + one.outer.size(), 0xdd);  // headroom, and the packet
    std::ranges::copy(one.outer, buffer.begin() + 64);
    DecapJob job;
    Opened opened;
    opened.dropped = prepare_decap(MutableByteView{buffer}.subspan(64), one.sa.udp_encap, job);
    if (opened.dropped != DropReason::none) { return opened; }
    job.headroom += 64;
    CryptoContext crypto;
    opened.dropped = decapsulate(sa, job, crypto, now);
    opened.packet = to_bytes(job.packet);
    return opened;
}

std::shared_ptr<InboundSa> inbound(const PacketCase& one, std::uint64_t highest) {
    auto sa = InboundSa::create(one.sa, now, {.highest_sequence = highest});
    if (!sa) {
        ADD_FAILURE() << explain(sa.error());
        return nullptr;
    }
    return *sa;
}

// Padding of its own kind, which we open but do not make.
bool made_by_hand(const PacketCase& one) { return one.id.starts_with("esp-x-"); }

void check_reproduced(const PacketCase& one, bool tail_room) {
    const Made made = make(one, tail_room);
    ASSERT_EQ(made.dropped, DropReason::none) << name(made.dropped);
    const std::size_t at = test::ipsec_offset(one);
    EXPECT_EQ(to_hex(made.esp), to_hex(ByteView{one.outer}.subspan(at)));
    if (one.sa.mode == IpsecMode::transport) {
        EXPECT_EQ(to_hex(made.header), to_hex(ByteView{one.outer}.first(at)));
    }
}

TEST(EspPackets, ScapysAreMadeAgainFromTheirInputs) {
    CULVERT_SHARED_JSON(file, "vectors/generated/esp-ah-scapy.json");
    int made = 0;
    for (const auto& json : file["cases"]) {
        if (json["proto"] != "esp" || json["expect"] != "accept") { continue; }
        const auto one = test::packet_case(json);
        ASSERT_TRUE(one) << json["id"];
        if (made_by_hand(*one) && one->note != "plain good packet") { continue; }
        SCOPED_TRACE(one->id + " " + json["alg"].get<std::string>() + " " + one->note);
        check_reproduced(*one, made % 2 == 1);
        ++made;
    }
    EXPECT_GT(made, 600);
}

TEST(EspPackets, ScapysAreOpenedOrRefusedAsTheyShould) {
    CULVERT_SHARED_JSON(file, "vectors/generated/esp-ah-scapy.json");
    int accepted = 0;
    int rejected = 0;
    std::shared_ptr<InboundSa> one_sa;  // of the cases that follow one another under one key
    for (const auto& json : file["cases"]) {
        if (json["proto"] != "esp") { continue; }
        const auto one = test::packet_case(json);
        ASSERT_TRUE(one) << json["id"];
        SCOPED_TRACE(one->id + " " + json["alg"].get<std::string>() + " " + one->note);
        const bool in_a_row = made_by_hand(*one) && json["spi"] == "00001000";
        if (in_a_row && !one_sa) { one_sa = inbound(*one, 0); }
        const auto sa = in_a_row ? one_sa : inbound(*one, one->sequence - 1);
        ASSERT_TRUE(sa);
        const Opened opened = open(*sa, *one);
        if (one->expect == "accept") {
            EXPECT_EQ(opened.dropped, DropReason::none) << name(opened.dropped);
            EXPECT_EQ(to_hex(opened.packet), to_hex(one->inner));
            ++accepted;
        } else if (one->expect == "drop-silent") {
            EXPECT_EQ(opened.dropped, DropReason::inbound_dummy) << name(opened.dropped);
        } else {  // "reject-or-accept" is wrong padding: we look at it
            EXPECT_NE(opened.dropped, DropReason::none);
            EXPECT_TRUE(opened.packet.empty());
            ++rejected;
        }
        if (one->expect == "reject-after-id-with-seq-1") {
            EXPECT_EQ(opened.dropped, DropReason::inbound_replay);
        }
    }
    EXPECT_GT(accepted, 620);
    EXPECT_GT(rejected, 70);
}

TEST(EspPackets, DpdksAreMadeAgainAndOpened) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/dpdk-ipsec.json");
    int done = 0;
    for (const auto& json : file["cases"]) {
        if (json["proto"] != "esp") { continue; }
        auto one = test::packet_case(json);
        if (!one) { continue; }  // DES
        SCOPED_TRACE(one->id);
        if (json["auth_alg"].is_null() && !crypto::is_aead(one->sa.suite.encryption)) {
            // V-04: encryption without integrity is refused, not done.
            const auto refused = InboundSa::create(one->sa, now);
            ASSERT_FALSE(refused);
            EXPECT_EQ(refused.error().code, ErrorCode::unsupported);
            continue;
        }
        check_reproduced(*one, false);
        const auto sa = inbound(*one, 0);
        ASSERT_TRUE(sa);
        const Opened opened = open(*sa, *one);
        EXPECT_EQ(opened.dropped, DropReason::none) << name(opened.dropped);
        EXPECT_EQ(to_hex(opened.packet), to_hex(one->inner));
        ++done;
    }
    EXPECT_GE(done, 18);
}

}  // namespace
}  // namespace culvert::ipsec
