// Trains through an SA, as the user plane carries them: cut, protected, opened and put together
// again in batches, with ciphers of both kinds, against a plain reference.

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "ipsec/coalesce.hpp"
#include "ipsec/limits.hpp"
#include "ipsec/segment.hpp"
#include "packets.hpp"
#include "unit/ipsec/train.hpp"

namespace culvert::ipsec {
namespace {

using test::Dice;
using test::PacketShape;

class Stack final : public PacketSink {
 public:
    void write(const Coalesced& packet) override {
        Bytes whole;
        for (const ByteView piece : packet.pieces) { append(whole, piece); }
        if (packet.segment_size == 0) {
            got.push_back(std::move(whole));
            return;
        }
        ++merged;
        PacketInfo info;
        ASSERT_TRUE(parse_packet(whole, info));
        Segments segments;
        ASSERT_TRUE(segments.begin(whole, info, packet.segment_size));
        for (std::size_t i = 0; i < segments.count(); ++i) {
            Bytes one(segments.size(i));
            segments.write(i, one.data());
            got.push_back(std::move(one));
        }
    }
    std::vector<Bytes> got;
    std::size_t merged = 0;
};

// The ESP packets of a train, `stride` octets apart but for the last one.
struct Protected {
    Bytes octets;
    std::size_t stride = 0;
    std::size_t end = 0;
};

Protected protect(OutboundSa& sa, const Segments& segments, bool apart, CryptoContext& crypto) {
    const PacketInfo full = segments.info(0);
    const PacketInfo last = segments.info(segments.count() - 1);
    Protected out;
    out.stride = sa.esp_size(full.total_size);
    out.octets.resize(out.stride * segments.count());
    const std::size_t clear_stride = full.total_size + trailer_size_max;
    const std::size_t hot = sa.batch_of(out.stride);
    Bytes clear(hot * clear_stride, 0xee);
    std::array<EncapJob, batch_max> jobs;
    for (std::size_t at = 0; at < segments.count(); at += hot) {
        const std::size_t count = std::min(hot, segments.count() - at);
        for (std::size_t i = 0; i < count; ++i) {
            const MutableByteView place =
                MutableByteView{out.octets}.subspan((at + i) * out.stride, out.stride);
            std::uint8_t* const from =
                apart ? clear.data() + i * clear_stride : place.data() + sa.text_offset();
            segments.write(at + i, from);
            jobs[i] = {.packet = {from, segments.size(at + i)},
                       .info = at + i + 1 == segments.count() ? &last : &full,
                       .tail_room = apart,
                       .out = place};
        }
        const Bytes before = clear;
        encapsulate(sa, std::span{jobs}.first(count), crypto, Instant{});
        EXPECT_EQ(clear, before);  // what was lent is as it was
        for (std::size_t i = 0; i < count; ++i) {
            EXPECT_EQ(jobs[i].dropped, DropReason::none);
            out.end = (at + i) * out.stride + jobs[i].size;
        }
    }
    return out;
}

void open(InboundSa& sa, Protected& train, Coalescer& coalescer, CryptoContext& crypto) {
    std::vector<DecapJob> jobs;
    for (std::size_t at = 0; at < train.end; at += train.stride) {
        jobs.emplace_back().arrive(
            MutableByteView{train.octets}.subspan(at, std::min(train.stride, train.end - at)),
            sa.endpoints().remote.address, sa.endpoints().local.address, 0, 64, 0);
    }
    std::span<DecapJob> left = jobs;
    while (!left.empty()) {
        const auto hot = left.first(std::min(left.size(), sa.batch_of(train.stride)));
        decapsulate(sa, hot, crypto, Instant{});
        for (DecapJob& job : hot) {
            ASSERT_EQ(job.dropped, DropReason::none);
            coalescer.add(job.packet, job.info);
        }
        left = left.subspan(hot.size());
    }
}

PacketShape random_shape(Dice& dice) {
    PacketShape shape;
    shape.v6 = dice.one_in(3);
    shape.tcp = !dice.one_in(4);
    shape.tcp_options = static_cast<std::uint8_t>(dice.below(11));
    shape.identification = static_cast<std::uint16_t>(dice.below(65536));
    shape.sequence = dice.one_in(2) ? 0xfffff000U : 1;
    shape.flags = dice.one_in(2) ? 0x18 : 0x10;
    shape.payload = dice.octets(1 + dice.below(60000));
    return shape;
}

ChildSa with_suite(crypto::EncryptionAlgorithm encryption, std::uint16_t bits, std::size_t key,
                   crypto::IntegrityAlgorithm integrity = {}, std::size_t mac = 0) {
    ChildSa sa = test::child_sa();
    sa.suite = {.encryption = encryption, .key_bits = bits, .integrity = integrity};
    sa.inbound = {.encryption = Secret(key), .integrity = Secret(mac)};
    sa.outbound = {.encryption = Secret(key), .integrity = Secret(mac)};
    sa.local_ts = sa.remote_ts = test::ts_list({"10.0.0.0/8", "fd00::/8"});
    return sa;
}

TEST(TrainTransit, every_packet_comes_out_as_the_sender_meant_it) {
    using enum crypto::EncryptionAlgorithm;
    const std::array<ChildSa, 3> suites{
        with_suite(aes_gcm_16, 256, 36),
        with_suite(aes_cbc, 128, 16, crypto::IntegrityAlgorithm::hmac_sha2_256_128, 32),
        with_suite(chacha20_poly1305, 0, 36)};
    Dice dice{7};
    CryptoContext crypto;
    std::size_t merged = 0;
    for (int round = 0; round < 150; ++round) {
        SCOPED_TRACE(round);
        const ChildSa& sa = suites[static_cast<std::size_t>(round) % suites.size()];
        const test::Pair pair = test::pair_of(sa);
        const test::Pair same = test::pair_of(sa);
        const PacketShape shape = random_shape(dice);
        const std::size_t segment_size = 200 + dice.below(9000);
        const Bytes super = test::build(shape, true);
        PacketInfo info;
        ASSERT_TRUE(parse_packet(super, info));
        Segments segments;
        ASSERT_TRUE(segments.begin(super, info, segment_size));
        const bool apart = dice.one_in(2);
        Protected train = protect(*pair.out, segments, apart, crypto);
        // Wherever the clear packets were: the same octets.
        EXPECT_EQ(protect(*same.out, segments, !apart, crypto).octets, train.octets);
        Stack stack;
        Coalescer coalescer{stack, {}};
        open(*pair.in, train, coalescer, crypto);
        coalescer.flush();
        EXPECT_EQ(stack.got, test::cut(shape, segment_size));
        merged += stack.merged;
    }
    EXPECT_GT(merged, 80U);
}

}  // namespace
}  // namespace culvert::ipsec
