// Fragments that the host hands to transport mode become whole packets again (RFC 4303 3.1.1).

#include "plane/user/whole_packets.hpp"

#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "ipsec/fragment.hpp"
#include "ipsec/header_fields.hpp"

namespace culvert::plane {
namespace {

Bytes udp_packet(std::size_t size) {
    Bytes packet(size, 7);
    const MutableByteView view = packet;
    std::fill_n(packet.begin(), 28, std::uint8_t{0});
    packet[0] = 0x45;
    ipsec::set_u16(view, 2, static_cast<std::uint16_t>(size));
    ipsec::set_u16(view, 4, 99);
    packet[8] = 64;
    packet[9] = ipsec::protocol_udp;
    packet[12] = packet[16] = 10;
    packet[19] = 1;
    ipsec::set_ipv4_checksum(view.first(20));
    ipsec::set_u16(view, 20, 4000);
    return packet;
}

class WholePacketsTest : public ::testing::Test {
 protected:
    MutableByteView take(ByteView piece, ipsec::PacketInfo& info) {
        EXPECT_TRUE(ipsec::parse_packet(piece, info));
        EXPECT_TRUE(info.fragment);
        return packets.take(piece, info, Instant{});
    }
    std::uint64_t counted(const char* name) const {
        std::map<std::string, std::uint64_t> out;
        counters.add_to(out);
        return out.at(name);
    }

    WorkerCounters counters;
    WholePackets packets{counters};
};

TEST_F(WholePacketsTest, the_last_fragment_completes_the_packet) {
    const Bytes packet = udp_packet(3028);
    std::vector<Bytes> pieces;
    ASSERT_TRUE(
        ipsec::fragment(packet, 1400, 0, [&](ByteView p) { pieces.push_back(to_bytes(p)); }));
    ASSERT_EQ(pieces.size(), 3U);
    ipsec::PacketInfo info;
    EXPECT_TRUE(take(pieces[2], info).empty());
    EXPECT_TRUE(take(pieces[0], info).empty());
    const MutableByteView whole = take(pieces[1], info);
    ASSERT_EQ(to_bytes(whole), packet);
    EXPECT_FALSE(info.fragment);
    EXPECT_FALSE(info.dont_fragment);
    EXPECT_EQ(info.source_port, 4000);
    // An engine may write behind it.
    std::fill_n(whole.data() + whole.size(), ipsec::trailer_size_max, std::uint8_t{1});
}

TEST_F(WholePacketsTest, I_03_what_never_completes_or_overlaps_is_counted) {
    const Bytes packet = udp_packet(3028);
    std::vector<Bytes> pieces;
    ASSERT_TRUE(
        ipsec::fragment(packet, 1400, 0, [&](ByteView p) { pieces.push_back(to_bytes(p)); }));
    ipsec::PacketInfo info;
    EXPECT_TRUE(take(pieces[0], info).empty());
    packets.tick(Instant{} + ipsec::reassembly_age_max + std::chrono::seconds{1});
    EXPECT_EQ(counted("reassembly_limit"), 1U);
    EXPECT_TRUE(take(pieces[1], info).empty());
    Bytes over = pieces[1];
    ipsec::set_u16(over, 6, static_cast<std::uint16_t>(ipsec::get_u16(over, 6) + 1));
    EXPECT_TRUE(take(over, info).empty());
    EXPECT_EQ(counted("reassembly_overlap"), 1U);
}

}  // namespace
}  // namespace culvert::plane
