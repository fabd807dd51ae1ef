// Every AH packet that others made is made again from its inputs and accepted; changed where a path
// may change it, it is still accepted, and changed elsewhere it is refused.

#include <algorithm>

#include <gtest/gtest.h>

#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "packet_case.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using test::PacketCase;

const Instant now{};

Bytes make(const PacketCase& one) {
    test::SeededRandom random{1};
    auto sa =
        OutboundSa::create(one.sa, random, now, {.first_sequence = one.sequence, .iv = one.iv});
    if (!sa) {
        ADD_FAILURE() << explain(sa.error());
        return {};
    }
    PacketInfo info;
    EXPECT_TRUE(parse_packet(one.inner, info));
    Bytes out(one.inner.size() + overhead_max);
    const bool v4 = one.outer[0] >> 4U == 4;
    EncapJob job{.packet = one.inner,
                 .info = &info,
                 .out = out,
                 .identification = v4 ? get_u16(one.outer, 4) : std::uint16_t{0}};
    CryptoContext crypto;
    const DropReason dropped = encapsulate(**sa, job, crypto, now);
    EXPECT_EQ(dropped, DropReason::none) << name(dropped);
    if (dropped != DropReason::none) { return {}; }
    Bytes packet(overhead_max + 1024);
    packet.resize(build_outer_header(**sa, job, 0, packet));
    if (one.sa.mode == IpsecMode::tunnel) {
        EXPECT_EQ(job.size, (*sa)->esp_size(one.inner.size()));
    }
    append(packet, ByteView{out}.first(job.size));
    return packet;
}

struct Opened {
    DropReason dropped = DropReason::none;
    Bytes packet;
    PacketInfo info;
};

Opened open(const PacketCase& one) {
    auto sa = InboundSa::create(one.sa, now, {.highest_sequence = one.sequence - 1});
    if (!sa) {
        ADD_FAILURE() << explain(sa.error());
        return {};
    }
    Bytes buffer(64 + one.outer.size(), 0xdd);  // headroom, and the packet
    std::ranges::copy(one.outer, buffer.begin() + 64);
    DecapJob job;
    Opened opened;
    opened.dropped = prepare_decap(MutableByteView{buffer}.subspan(64), false, job);
    if (opened.dropped != DropReason::none) { return opened; }
    EXPECT_EQ(peek_spi(job), one.sa.inbound_spi);
    job.headroom += 64;
    CryptoContext crypto;
    opened.dropped = decapsulate(**sa, job, crypto, now);
    opened.packet = to_bytes(job.packet);
    opened.info = job.info;
    return opened;
}

// Where AH begins.
std::size_t ah_at(const PacketCase& one) { return test::ipsec_offset(one); }

// Our outer header has its own DSCP, TTL and flow label, which AH does not cover; the octets from
// AH on say that all else was equal.
void expect_reproduced(const PacketCase& one) {
    const Bytes made = make(one);
    const std::size_t at = ah_at(one);
    ASSERT_EQ(made.size(), one.outer.size());
    EXPECT_EQ(to_hex(ByteView{made}.subspan(at)), to_hex(ByteView{one.outer}.subspan(at)));
    if (one.sa.mode == IpsecMode::transport) { EXPECT_EQ(to_hex(made), to_hex(one.outer)); }
}

TEST(AhPackets, ScapysAreMadeAgainFromTheirInputs) {
    CULVERT_SHARED_JSON(file, "vectors/generated/esp-ah-scapy.json");
    int made = 0;
    for (const auto& json : file["cases"]) {
        if (json["proto"] != "ah" || json["expect"] != "accept" || json.contains("derived_from")) {
            continue;
        }
        const auto one = test::packet_case(json);
        ASSERT_TRUE(one) << json["id"];
        SCOPED_TRACE(one->id + " " + json["auth_alg"].get<std::string>() + " " + one->note);
        expect_reproduced(*one);
        ++made;
    }
    EXPECT_GE(made, 75);
}

TEST(AhPackets, ScapysAreAcceptedOrRefusedAsTheyShould) {
    CULVERT_SHARED_JSON(file, "vectors/generated/esp-ah-scapy.json");
    int accepted = 0;
    int rejected = 0;
    for (const auto& json : file["cases"]) {
        if (json["proto"] != "ah") { continue; }
        auto one = test::packet_case(json);
        ASSERT_TRUE(one) << json["id"];
        SCOPED_TRACE(one->id + " " + json["auth_alg"].get<std::string>() + " " + one->note);
        one->sa.header_rules.copy_ecn = false;  // what the path marked shall not show inside
        const Opened opened = open(*one);
        if (one->expect != "accept") {
            EXPECT_NE(opened.dropped, DropReason::none);
            EXPECT_TRUE(opened.packet.empty());
            ++rejected;
            continue;
        }
        ++accepted;
        ASSERT_EQ(opened.dropped, DropReason::none) << name(opened.dropped);
        if (one->sa.mode == IpsecMode::tunnel || !json.contains("derived_from")) {
            EXPECT_EQ(to_hex(opened.packet), to_hex(one->inner));
            continue;
        }
        // What the path changed in the header stays as it came.
        const std::size_t header = opened.info.header_size;
        EXPECT_EQ(to_hex(ByteView{opened.packet}.subspan(header)),
                  to_hex(ByteView{one->inner}.subspan(header)));
    }
    EXPECT_GE(accepted, 120);
    EXPECT_GE(rejected, 40);
}

TEST(AhPackets, DpdksAreMadeAgainAndAccepted) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/dpdk-ipsec.json");
    int done = 0;
    for (const auto& json : file["cases"]) {
        if (json["proto"] != "ah") { continue; }
        const auto one = test::packet_case(json);
        ASSERT_TRUE(one) << json["id"];
        SCOPED_TRACE(one->id);
        expect_reproduced(*one);
        const Opened opened = open(*one);
        EXPECT_EQ(opened.dropped, DropReason::none) << name(opened.dropped);
        EXPECT_EQ(to_hex(opened.packet), to_hex(one->inner));
        ++done;
    }
    EXPECT_EQ(done, 3);  // AES-GMAC is one of them
}

}  // namespace
}  // namespace culvert::ipsec
