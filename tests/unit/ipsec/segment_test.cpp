#include "ipsec/segment.hpp"

#include <gtest/gtest.h>

#include "ipsec/checksum.hpp"
#include "ipsec/limits.hpp"
#include "unit/ipsec/train.hpp"

namespace culvert::ipsec {
namespace {

using test::build;
using test::cut;
using test::Dice;
using test::PacketShape;

std::vector<Bytes> segments_of(const Bytes& packet, std::size_t segment_size) {
    PacketInfo info;
    EXPECT_TRUE(parse_packet(packet, info));
    Segments segments;
    if (!segments.begin(packet, info, segment_size)) { return {}; }
    std::vector<Bytes> out;
    for (std::size_t i = 0; i < segments.count(); ++i) {
        Bytes one(segments.size(i));
        segments.write(i, one.data());
        EXPECT_EQ(*parse_packet(one), segments.info(i));
        out.push_back(std::move(one));
    }
    return out;
}

TEST(Checksum, IsThePlainSumForEveryLength) {
    Dice dice{1};
    const Bytes octets = dice.octets(300);
    for (std::size_t size = 0; size <= octets.size(); ++size) {
        const ByteView view = ByteView{octets}.first(size);
        ASSERT_EQ(internet_sum(view), test::plain_sum(view)) << size;
        Bytes copy(size);
        ASSERT_EQ(copy_and_sum(view, copy.data()), test::plain_sum(view)) << size;
        ASSERT_TRUE(std::ranges::equal(copy, view));
    }
    const Bytes many = dice.octets(65535);
    for (const Bytes& all : {Bytes(65535, 0xff), Bytes(65535, 0x80), Bytes(65535, 0x7f), many}) {
        for (const std::size_t size : {65535U, 65534U, 40000U, 1348U, 129U, 128U, 127U}) {
            const ByteView view = ByteView{all}.first(size);
            Bytes copy(size);
            ASSERT_EQ(internet_sum(view), test::plain_sum(view)) << size;
            ASSERT_EQ(copy_and_sum(view, copy.data()), test::plain_sum(view)) << size;
            ASSERT_TRUE(std::ranges::equal(copy, view));
        }
    }
}

TEST(Segments, AreWhatTheSenderMeant) {
    Dice dice{2};
    std::size_t cwr = 0;
    std::size_t many = 0;
    for (int round = 0; round < 600; ++round) {
        SCOPED_TRACE(round);
        PacketShape shape;
        shape.v6 = dice.one_in(2);
        shape.tcp = dice.below(3) != 0;
        if (shape.v6 && dice.one_in(3)) { shape.hop_by_hop = 1; }
        if (!shape.v6 && dice.one_in(4)) { shape.ip_options = 2; }
        shape.tcp_options = static_cast<std::uint8_t>(dice.below(11));
        shape.traffic_class = static_cast<std::uint8_t>(dice.below(256));
        shape.dont_fragment = dice.one_in(2);
        shape.identification = static_cast<std::uint16_t>(dice.below(65536));
        shape.sequence = static_cast<std::uint32_t>(dice.below(std::size_t{1} << 32U));
        // FIN, PSH, URG, ECE and CWR come and go.
        shape.flags = static_cast<std::uint8_t>(0x10U | (dice.below(256) & 0xe9U));
        cwr += (shape.flags & 0x80U) != 0 ? 1 : 0;
        shape.payload = dice.octets(1 + dice.below(dice.one_in(8) ? 60000 : 6000));
        const std::size_t segment_size = 1 + dice.below(2000);
        const auto wanted = cut(shape, segment_size);
        many += wanted.size() > 3 ? 1 : 0;
        ASSERT_EQ(segments_of(build(shape, true), segment_size), wanted);
    }
    EXPECT_GT(cwr, 50U);
    EXPECT_GT(many, 60U);
}

TEST(Segments, RefuseWhatIsNoSuperPacket) {
    PacketShape shape;
    shape.payload = Bytes(3000, 1);
    const Bytes good = build(shape, true);
    EXPECT_EQ(segments_of(good, 1000).size(), 3U);
    EXPECT_TRUE(segments_of(good, 0).empty());
    Bytes short_header = good;
    short_header[32] = 0x40;  // a TCP header of 16 octets
    EXPECT_TRUE(segments_of(short_header, 1000).empty());
    Bytes long_header(good.begin(), good.begin() + 44);
    test::put16(long_header, 2, 44);
    long_header[32] = 0xf0;  // longer than the packet
    EXPECT_TRUE(segments_of(long_header, 1000).empty());
    shape.payload.clear();
    EXPECT_TRUE(segments_of(build(shape, true), 1000).empty());
    Bytes icmp = good;
    icmp[9] = 1;
    EXPECT_TRUE(segments_of(icmp, 1000).empty());
    Bytes fragment = good;
    fragment[6] = 0x20;
    EXPECT_TRUE(segments_of(fragment, 1000).empty());
}

TEST(CompleteChecksum, GivesWhatTheSenderWouldHaveWritten) {
    Dice dice{3};
    for (int round = 0; round < 300; ++round) {
        PacketShape shape;
        shape.v6 = dice.one_in(2);
        shape.tcp = dice.one_in(2);
        shape.payload = dice.octets(dice.below(100));
        Bytes packet = build(shape, true);
        ASSERT_TRUE(complete_checksum(packet, shape.transport_at(), shape.tcp ? 16 : 6));
        ASSERT_EQ(packet, build(shape));
    }
    Bytes tiny(20);
    EXPECT_FALSE(complete_checksum(tiny, 20, 6));
    EXPECT_FALSE(complete_checksum(tiny, 65535, 65535));
}

}  // namespace
}  // namespace culvert::ipsec
