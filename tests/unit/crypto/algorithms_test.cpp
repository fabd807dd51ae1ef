#include "crypto/algorithms.hpp"

#include <initializer_list>

#include <gtest/gtest.h>

#include "crypto/aead.hpp"
#include "crypto/cipher.hpp"
#include "crypto/ike_cipher.hpp"
#include "crypto/integrity.hpp"
#include "crypto/key_exchange.hpp"
#include "crypto/prf.hpp"

namespace culvert::crypto {
namespace {

// Every number that the wire can carry is asked about: none may surprise us, and what is supported
// must have sizes.
TEST(Algorithms, EveryNumberHasAnAnswer) {
    int encryptions = 0;
    int integrities = 0;
    int prfs = 0;
    int methods = 0;
    for (unsigned number = 0; number <= 0xffff; ++number) {
        const auto value = static_cast<std::uint16_t>(number);
        for (const auto bits : std::initializer_list<std::uint16_t>{0, 64, 128, 192, 256, 512}) {
            const EncryptionAlgorithm encryption{value};
            const bool alone = IkeCipher::supports(encryption, bits, IntegrityAlgorithm::none);
            const bool beside =
                IkeCipher::supports(encryption, bits, IntegrityAlgorithm::hmac_sha2_256_128);
            EXPECT_FALSE(alone && beside) << number;
            EXPECT_EQ(alone && !is_aead(encryption), false) << number;
            if (!alone && !beside) { continue; }
            EXPECT_GT(sizes_of(encryption, bits).block, 0U);
            EXPECT_GT(IkeCipher::encryption_key_size(encryption, bits), 15U);
            ++encryptions;
        }
        if (Integrity::supports(IntegrityAlgorithm{value})) {
            EXPECT_GT(sizes_of(IntegrityAlgorithm{value}).icv, 0U);
            ++integrities;
        }
        prfs += Prf::supports(PrfAlgorithm{value}) ? 1 : 0;
        methods += KeyExchange::supports(KeMethod{value}) ? 1 : 0;
        EXPECT_EQ(KeyExchange::supports(KeMethod{value}),
                  KeyExchange::public_size(KeMethod{value}) > 0);
    }
    // 3DES with 0 or 192 bits, ChaCha20 with 0 or 256, eight AES modes with three key lengths each.
    EXPECT_EQ(encryptions, 2 + 2 + 8 * 3);
    EXPECT_EQ(integrities, 7);
    EXPECT_EQ(prfs, 6);
    EXPECT_EQ(methods, 15);
}

// RFC 8247 2.2, 2.3 (HMAC-MD5: MUST NOT); an IKE SA that hides nothing is not one (RFC 7296 3.14).
TEST(Algorithms, WhatMustNotBeUsedIsUnsupported) {
    using enum EncryptionAlgorithm;
    EXPECT_FALSE(Prf::supports(PrfAlgorithm::hmac_md5));
    EXPECT_FALSE(Prf::supports(PrfAlgorithm::none));
    EXPECT_FALSE(Integrity::supports(IntegrityAlgorithm::hmac_md5_96));
    for (const auto integrity :
         {IntegrityAlgorithm::none, IntegrityAlgorithm::hmac_sha1_96,
          IntegrityAlgorithm::hmac_sha2_256_128, IntegrityAlgorithm::aes_cmac_96}) {
        for (const auto bits : std::initializer_list<std::uint16_t>{0, 128, 256}) {
            EXPECT_FALSE(IkeCipher::supports(null, bits, integrity));
            EXPECT_FALSE(IkeCipher::supports(none, bits, integrity));
            EXPECT_FALSE(IkeCipher::supports(null_auth_aes_gmac, bits, integrity));
        }
    }
    // Encryption without integrity, and an AEAD with a second integrity algorithm.
    EXPECT_FALSE(IkeCipher::supports(aes_cbc, 128, IntegrityAlgorithm::none));
    EXPECT_FALSE(IkeCipher::supports(aes_gcm_16, 128, IntegrityAlgorithm::hmac_sha2_256_128));
    // Implicit IVs are ESP's alone (RFC 8750).
    EXPECT_FALSE(IkeCipher::supports(aes_gcm_16_iiv, 128, IntegrityAlgorithm::none));
    EXPECT_FALSE(KeyExchange::supports(KeMethod::modp768));
    EXPECT_FALSE(KeyExchange::supports(KeMethod::modp1024s160));  // RFC 8247 2.4: MUST NOT
}

}  // namespace
}  // namespace culvert::crypto
