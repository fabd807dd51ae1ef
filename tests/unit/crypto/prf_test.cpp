#include "crypto/prf.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace culvert::crypto {
namespace {

constexpr std::array all{PrfAlgorithm::hmac_sha1,     PrfAlgorithm::aes128_xcbc,
                         PrfAlgorithm::hmac_sha2_256, PrfAlgorithm::hmac_sha2_384,
                         PrfAlgorithm::hmac_sha2_512, PrfAlgorithm::aes128_cmac};

// RFC 7296 2.13: prf+ (K,S) = T1 | T2 | ..., T1 = prf (K, S | 0x01), T2 = prf (K, T1 | S | 0x02).
TEST(Prf, PlusIsTheFormula) {
    const Bytes key(32, 0x0b);
    const Bytes seed{1, 2, 3, 4, 5};
    for (const auto algorithm : all) {
        const Prf prf{algorithm};
        const Secret t1 = prf(key, {seed, Bytes{1}});
        const Secret t2 = prf(key, {t1.reveal(), seed, Bytes{2}});
        const Secret t3 = prf(key, {t2.reveal(), seed, Bytes{3}});
        const std::string expected =
            to_hex(t1.reveal()) + to_hex(t2.reveal()) + to_hex(t3.reveal());
        const std::size_t length = 3 * prf.output_size();
        EXPECT_EQ(to_hex(prf.plus(key, {seed}, length).reveal()), expected);
        EXPECT_EQ(to_hex(prf.plus(key, {Bytes{1, 2}, Bytes{}, Bytes{3, 4, 5}}, length).reveal()),
                  expected);
        EXPECT_EQ(prf.plus(key, {seed}, 0).size(), 0U);
        EXPECT_EQ(prf.plus(key, {seed}, 255 * prf.output_size()).size(), 255 * prf.output_size());
    }
}

TEST(PrfDeathTest, PlusEndsAfter255Blocks) {
    const Prf prf{PrfAlgorithm::hmac_sha1};
    EXPECT_DEATH((void)prf.plus(Bytes(20), {}, 255 * 20 + 1), "does not hold");
}

// RFC 7296 2.14: only PRFs of fixed key size take parts of the nonces, eight octets of each.
TEST(Prf, NoncePartIsForFixedKeySizesOnly) {
    for (const auto algorithm : all) {
        const bool aes =
            algorithm == PrfAlgorithm::aes128_xcbc || algorithm == PrfAlgorithm::aes128_cmac;
        EXPECT_EQ(Prf{algorithm}.nonce_part_for_skeyseed(), aes ? 8U : 0U);
    }
}

TEST(Prf, TakesAnEmptyKeyAndNoData) {
    for (const auto algorithm : all) {
        const Prf prf{algorithm};
        EXPECT_EQ(prf({}, {}).size(), prf.output_size());
        EXPECT_EQ(to_hex(prf({}, {}).reveal()), to_hex(prf(Bytes{}, {Bytes{}}).reveal()));
    }
}

}  // namespace
}  // namespace culvert::crypto
