// ESP in UDP (RFC 3948): what is sent so that peers take it.

#include <gtest/gtest.h>

#include "packets.hpp"

namespace culvert::ipsec {
namespace {

using test::make;
using test::open;
using test::pair_of;

ChildSa without_encryption(bool v6, bool udp) {
    ChildSa sa = test::child_sa(IpsecMode::transport);
    sa.suite = {.encryption = crypto::EncryptionAlgorithm::null,
                .integrity = crypto::IntegrityAlgorithm::hmac_sha2_256_128};
    sa.inbound = {.encryption = {}, .integrity = Secret(32)};
    sa.outbound = {.encryption = {}, .integrity = Secret(32)};
    sa.udp_encap = udp;
    sa.local = {test::ip(v6 ? "fd01::1" : "10.1.0.1"), static_cast<std::uint16_t>(udp ? 4500 : 0)};
    sa.remote = {test::ip(v6 ? "fd02::1" : "10.2.0.1"), static_cast<std::uint16_t>(udp ? 4500 : 0)};
    return sa;
}

// Linux drops an IPv6 datagram of ESP whose UDP length is below 48 (limits.hpp). An echo request
// without data is one: 8 + 8 + 8 and 4 of trailer + 16.
TEST(UdpEncapsulation, over_ipv6_small_packets_are_padded_to_what_linux_takes) {
    for (const bool v6 : {false, true}) {
        for (const bool udp : {false, true}) {
            const auto pair = pair_of(without_encryption(v6, udp));
            for (std::size_t payload = 0; payload < 64; ++payload) {
                const Bytes inner =
                    make({.source = v6 ? "fd01::1" : "10.1.0.1",
                          .destination = v6 ? "fd02::1" : "10.2.0.1",
                          .protocol = v6 ? protocol_icmpv6 : protocol_icmp,
                          .source_port = v6 ? std::uint16_t{0x8000} : std::uint16_t{0x0800},
                          .payload = payload});
                const PacketInfo info = test::info_of(inner);
                CryptoContext crypto;
                Bytes room(inner.size() + overhead_max);
                EncapJob job{.packet = inner,
                             .info = &info,
                             .size_min = least_esp_size(*pair.out),
                             .out = room};
                ASSERT_EQ(encapsulate(*pair.out, job, crypto, Instant{}), DropReason::none);
                Bytes outer(60);
                outer.resize(build_outer_header(*pair.out, job, 7, outer));
                append(outer, ByteView{room}.first(job.size));
                const std::size_t behind_ip = outer.size() - (v6 ? 40 : 20);
                const std::size_t plain = (udp ? 8U : 0U) + 8 + (payload + 8 + 2 + 3) / 4 * 4 + 16;
                EXPECT_EQ(behind_ip, v6 && udp ? std::max<std::size_t>(plain, 48) : plain);
                const auto opened = open(*pair.in, outer);
                ASSERT_EQ(opened.dropped, DropReason::none) << payload;
                EXPECT_EQ(opened.packet, inner);
            }
        }
    }
}

}  // namespace
}  // namespace culvert::ipsec
