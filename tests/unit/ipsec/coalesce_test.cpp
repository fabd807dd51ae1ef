#include "ipsec/coalesce.hpp"

#include <map>

#include <gtest/gtest.h>

#include "ipsec/segment.hpp"
#include "unit/ipsec/train.hpp"

namespace culvert::ipsec {
namespace {

using test::build;
using test::Dice;
using test::PacketShape;

// The local stack: cuts super-packets again and keeps everything in order.
class Stack final : public PacketSink {
 public:
    void write(const Coalesced& packet) override {
        ++writes;
        Bytes whole;
        for (const ByteView piece : packet.pieces) { append(whole, piece); }
        if (packet.segment_size == 0) {
            EXPECT_EQ(packet.packets, 1U);
            got.push_back(std::move(whole));
            return;
        }
        ++merged;
        PacketInfo info;
        ASSERT_TRUE(parse_packet(whole, info));
        ASSERT_EQ(info.total_size, whole.size());
        EXPECT_EQ(packet.tcp, info.protocol == protocol_tcp);
        EXPECT_EQ(packet.v6, info.family == IpFamily::v6);
        EXPECT_EQ(packet.transport_at, info.header_size);
        if (!packet.v6) { EXPECT_EQ(test::plain_sum(ByteView{whole}.first(20)), 0xffffU); }
        Segments segments;
        ASSERT_TRUE(segments.begin(whole, info, packet.segment_size));
        ASSERT_EQ(segments.count(), packet.packets);
        for (std::size_t i = 0; i < segments.count(); ++i) {
            Bytes one(segments.size(i));
            segments.write(i, one.data());
            got.push_back(std::move(one));
        }
    }
    std::vector<Bytes> got;
    std::size_t writes = 0;
    std::size_t merged = 0;
};

void feed(Coalescer& coalescer, std::vector<Bytes>& packets) {
    for (Bytes& packet : packets) {
        PacketInfo info;
        ASSERT_TRUE(parse_packet(packet, info));
        coalescer.add(packet, info);
    }
    coalescer.flush();
}

std::vector<Bytes> train(std::size_t count, PacketShape shape, std::size_t size = 1000) {
    shape.payload.resize(size * count, 5);
    return test::cut(shape, size);
}

void expect(std::vector<Bytes> packets, std::size_t writes, Coalescer::Kinds kinds = {}) {
    const std::vector<Bytes> sent = packets;
    Stack stack;
    Coalescer coalescer{stack, kinds};
    feed(coalescer, packets);
    EXPECT_EQ(stack.got, sent);
    EXPECT_EQ(stack.writes, writes);
}

TEST(Coalescer, PutsATrainTogether) {
    for (const bool v6 : {false, true}) {
        for (const bool tcp : {false, true}) {
            expect(train(40, {.v6 = v6, .tcp = tcp, .tcp_options = 3}), 1);
        }
    }
    expect(train(40, {.tcp = true}), 40, {.tcp = false, .udp = true});
    expect(train(40, {.tcp = false}), 40, {.tcp = true, .udp = false});
}

TEST(Coalescer, StopsAtSixtyFourPacketsAndAt64Kibibytes) {
    expect(train(65, {}, 10), 2);
    expect(train(8, {}, 9000), 2);
}

// Each of these differs from its neighbours in what a super-packet has only once.
TEST(Coalescer, LeavesAloneWhatDiffers) {
    const auto changed = [](auto change) {
        auto packets = train(3, {});
        PacketShape middle;
        middle.payload = Bytes(1000, 5);
        middle.sequence = 1000;
        middle.identification = 1;
        change(middle);
        packets[1] = build(middle);
        return packets;
    };
    expect(changed([](PacketShape&) {}), 1);
    expect(changed([](PacketShape& s) { s.traffic_class = 3; }), 3);
    expect(changed([](PacketShape& s) { s.hops = 63; }), 3);
    expect(changed([](PacketShape& s) { s.dont_fragment = false; }), 3);
    expect(changed([](PacketShape& s) { s.identification = 9; }), 3);
    expect(changed([](PacketShape& s) { s.acknowledgment = 1; }), 3);
    expect(changed([](PacketShape& s) { s.window = 1; }), 3);
    expect(changed([](PacketShape& s) { s.sequence = 1001; }), 3);
    expect(changed([](PacketShape& s) { s.tcp_options = 3; }), 3);
    for (const unsigned flag : {0x01U, 0x02U, 0x04U, 0x20U, 0x40U, 0x80U}) {
        expect(
            changed([flag](PacketShape& s) { s.flags = static_cast<std::uint8_t>(0x10U | flag); }),
            3);
    }
    // PSH is kept by ending the super-packet: two and one.
    expect(changed([](PacketShape& s) { s.flags = 0x18; }), 2);
    // So does a shorter one.
    expect(changed([](PacketShape& s) { s.payload.resize(500); }), 2);
}

TEST(Coalescer, NeverHidesABrokenChecksum) {
    for (const bool tcp : {false, true}) {
        for (const std::size_t at : {std::size_t{10}, std::size_t{1000}}) {
            auto packets = train(3, {.tcp = tcp});
            packets[1][at] ^= 1U;  // of the IP header, and of the payload
            expect(packets, 3);
        }
    }
    // No UDP checksum at all: cut again it would have one.
    auto packets = train(3, {.tcp = false});
    test::put16(packets[1], 26, 0);
    expect(packets, 3);
}

TEST(Coalescer, KeepsSeveralFlowsOpen) {
    std::vector<Bytes> packets;
    for (std::size_t i = 0; i < 20; ++i) {
        for (std::uint8_t host = 1; host <= coalesced_flows_max; ++host) {
            packets.push_back(build({.identification = static_cast<std::uint16_t>(i),
                                     .sequence = static_cast<std::uint32_t>(100 * i),
                                     .host = host,
                                     .payload = Bytes(100, host)}));
        }
    }
    Stack stack;
    Coalescer coalescer{stack, {}};
    feed(coalescer, packets);
    EXPECT_EQ(stack.writes, coalesced_flows_max);
    EXPECT_EQ(stack.got.size(), packets.size());
}

// Order is that of a flow: addresses, protocol and ports; fragments stay behind all before them.
Bytes flow_of(const Bytes& packet) {
    const bool v6 = packet[0] >> 4U == 6;
    Bytes out(packet.begin() + (v6 ? 8 : 12), packet.begin() + (v6 ? 40 : 20));
    PacketInfo info;
    EXPECT_TRUE(parse_packet(packet, info));
    out.push_back(info.protocol);
    append(out, ByteView{packet}.subspan(info.header_size, 4));
    return out;
}

std::map<Bytes, std::vector<Bytes>> by_flow(const std::vector<Bytes>& packets) {
    std::map<Bytes, std::vector<Bytes>> out;
    for (const Bytes& packet : packets) { out[flow_of(packet)].push_back(packet); }
    return out;
}

Bytes random_packet(Dice& dice, std::map<std::size_t, PacketShape>& flows) {
    const std::size_t which = dice.below(12);
    auto [at, fresh] = flows.try_emplace(which);
    PacketShape& flow = at->second;
    if (fresh) {
        flow.v6 = which % 2 == 0;
        flow.tcp = which % 3 != 0;
        flow.host = static_cast<std::uint8_t>(which);
        flow.tcp_options = static_cast<std::uint8_t>(which % 4);
        if (which == 10) { flow.hop_by_hop = 1; }
        if (which == 11) { flow.ip_options = 1; }
        flow.sequence = 0xfffff000U;
    }
    PacketShape one = flow;
    one.flags =
        dice.one_in(8) ? static_cast<std::uint8_t>(0x10U | dice.below(256)) : std::uint8_t{0x10};
    if (dice.one_in(10)) { one.traffic_class = static_cast<std::uint8_t>(dice.below(4)); }
    one.payload = dice.octets(dice.one_in(4) ? dice.below(200) : 200);
    flow.sequence += static_cast<std::uint32_t>(one.payload.size());
    ++flow.identification;
    Bytes packet = build(one);
    if (dice.one_in(20)) { packet[packet.size() - 1] ^= 1U; }
    if (dice.one_in(20) && !one.v6) {
        test::put16(packet, 6, 0x2000);  // more fragments
        test::put16(packet, 10, 0);
        test::put16(packet, 10,
                    ~test::plain_sum(ByteView{packet}.first(one.transport_at())) & 0xffffU);
    }
    return packet;
}

TEST(CoalescerProperty, EveryPacketArrivesOnceBitForBitInTheOrderOfItsFlow) {
    std::size_t merged = 0;
    std::size_t alone = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(seed);
        Dice dice{seed};
        std::map<std::size_t, PacketShape> flows;
        std::vector<Bytes> packets;
        const std::size_t stay = 1 + dice.below(10);
        for (int i = 0; i < 200; ++i) {
            packets.push_back(random_packet(dice, flows));
            // Bursts of one flow make longer trains.
            while (!dice.one_in(stay)) { packets.push_back(random_packet(dice, flows)); }
        }
        const auto sent = by_flow(packets);
        Stack stack;
        Coalescer coalescer{stack, {}};
        feed(coalescer, packets);
        ASSERT_EQ(by_flow(stack.got), sent);
        merged += stack.merged;
        alone += stack.writes - stack.merged;
    }
    EXPECT_GT(merged, 600U);
    EXPECT_GT(alone, 600U);
}

}  // namespace
}  // namespace culvert::ipsec
