// RFC 8750: the nonce is what RFC 4106 or RFC 7634 would make of an explicit IV that equals the
// sequence number, and the IV's octets do not travel. So the explicit suites, which others' vectors
// prove, are the oracle.

#include <tuple>

#include <gtest/gtest.h>

#include "packets.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

using crypto::EncryptionAlgorithm;
constexpr std::size_t to_iv = 20 + 8;  // outer IPv4 header, SPI and sequence number

struct Suite {
    EncryptionAlgorithm implicit_iv;
    EncryptionAlgorithm explicit_iv;
    std::uint16_t bits;
    std::size_t key;
};

class ImplicitIv : public ::testing::TestWithParam<std::tuple<Suite, bool>> {};

TEST_P(ImplicitIv, is_the_explicit_one_without_its_octets) {
    const auto& [suite, esn] = GetParam();
    ChildSa sa = test::child_sa();
    sa.suite = {.encryption = suite.explicit_iv, .key_bits = suite.bits, .esn = esn};
    sa.inbound.encryption = Secret(suite.key);
    sa.outbound.encryption = Secret(suite.key);
    const std::uint64_t sequence = esn ? 0x0000000300000007U : 7U;
    Bytes iv(8);
    set_u32(iv, 0, static_cast<std::uint32_t>(sequence >> 32U));
    set_u32(iv, 4, static_cast<std::uint32_t>(sequence));
    culvert::test::SeededRandom random{1};
    const auto plain = OutboundSa::create(sa, random, Instant{},
                                          {.first_sequence = sequence, .iv = std::move(iv)});
    ASSERT_TRUE(plain);
    sa.suite.encryption = suite.implicit_iv;
    const auto pair = test::pair_of(sa, sequence);
    const Bytes inner = test::make({});
    const Bytes with = test::protect(**plain, inner);
    const Bytes without = test::protect(*pair.out, inner);
    ASSERT_EQ(without.size() + 8, with.size());
    EXPECT_EQ(to_hex(ByteView{without}.subspan(20, 8)), to_hex(ByteView{with}.subspan(20, 8)));
    EXPECT_EQ(to_hex(ByteView{without}.subspan(to_iv)), to_hex(ByteView{with}.subspan(to_iv + 8)));
}

INSTANTIATE_TEST_SUITE_P(
    Suites, ImplicitIv,
    ::testing::Combine(::testing::Values(Suite{EncryptionAlgorithm::aes_gcm_16_iiv,
                                               EncryptionAlgorithm::aes_gcm_16, 128, 20},
                                         Suite{EncryptionAlgorithm::aes_gcm_16_iiv,
                                               EncryptionAlgorithm::aes_gcm_16, 256, 36},
                                         Suite{EncryptionAlgorithm::chacha20_poly1305_iiv,
                                               EncryptionAlgorithm::chacha20_poly1305, 0, 36}),
                       ::testing::Bool()));

}  // namespace
}  // namespace culvert::ipsec
