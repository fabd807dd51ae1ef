// The engines behind PacketCipher against one another, and what each must refuse.

#include "crypto/packet_cipher.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::crypto {
namespace {

using enum EncryptionAlgorithm;
// `none` is in both enumerations.
constexpr auto hmac_md5_96 = IntegrityAlgorithm::hmac_md5_96;
constexpr auto hmac_sha1_96 = IntegrityAlgorithm::hmac_sha1_96;
constexpr auto aes_xcbc_96 = IntegrityAlgorithm::aes_xcbc_96;
constexpr auto aes_cmac_96 = IntegrityAlgorithm::aes_cmac_96;
constexpr auto hmac_sha2_256_128 = IntegrityAlgorithm::hmac_sha2_256_128;
constexpr auto hmac_sha2_384_192 = IntegrityAlgorithm::hmac_sha2_384_192;
constexpr auto hmac_sha2_512_256 = IntegrityAlgorithm::hmac_sha2_512_256;
constexpr auto hmac_sha2_256_96 = IntegrityAlgorithm::hmac_sha2_256_96;
using Backend = PacketCipher::Backend;

std::vector<PacketCipher::Parameters> all_suites() {
    std::vector<PacketCipher::Parameters> out;
    const std::vector<IntegrityAlgorithm> macs{
        hmac_md5_96,       hmac_sha1_96,      aes_xcbc_96,       aes_cmac_96,
        hmac_sha2_256_128, hmac_sha2_384_192, hmac_sha2_512_256, hmac_sha2_256_96};
    for (const bool esn : {false, true}) {
        for (const std::uint16_t bits : std::array<std::uint16_t, 3>{128, 192, 256}) {
            for (const auto aead : {aes_gcm_8, aes_gcm_12, aes_gcm_16, aes_gcm_16_iiv, aes_ccm_8,
                                    aes_ccm_12, aes_ccm_16, aes_ccm_8_iiv, null_auth_aes_gmac}) {
                out.push_back({aead, bits, IntegrityAlgorithm::none, esn});
            }
            for (const auto mac : macs) {
                out.push_back({aes_cbc, bits, mac, esn});
                out.push_back({aes_ctr, bits, mac, esn});
            }
        }
        for (const auto mac : macs) {
            out.push_back({des3_cbc, 0, mac, esn});
            out.push_back({null, 0, mac, esn});
        }
        out.push_back({chacha20_poly1305, 0, IntegrityAlgorithm::none, esn});
        out.push_back({chacha20_poly1305_iiv, 0, IntegrityAlgorithm::none, esn});
    }
    return out;
}

std::string say(const PacketCipher::Parameters& p) {
    return "encryption " + std::to_string(std::to_underlying(p.encryption)) + "/" +
           std::to_string(p.key_bits) + " integrity " +
           std::to_string(std::to_underlying(p.integrity)) + (p.esn ? " esn" : "");
}

struct Keys {
    Secret encryption;
    Secret integrity;
};

Keys keys_for(const PacketCipher::Parameters& p, Random& random) {
    const CipherSizes sizes = sizes_of(p.encryption, p.key_bits);
    Keys keys{Secret(sizes.key + sizes.salt), Secret(sizes_of(p.integrity).key)};
    random.fill(keys.encryption.write());
    random.fill(keys.integrity.write());
    return keys;
}

PacketCipher make(const PacketCipher::Parameters& p, const Keys& keys, Backend backend) {
    auto cipher = PacketCipher::create(p, keys.encryption, keys.integrity, backend);
    EXPECT_TRUE(cipher) << explain(cipher.error());
    return std::move(*cipher);
}

// Packets of a batch, each with what it must become again.
struct Batch {
    std::vector<Bytes> packets;
    std::vector<Bytes> texts;
    std::vector<CipherJob> jobs;
};

Batch batch_for(const PacketCipher& cipher, Random& random, std::size_t count) {
    Batch batch;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t text =
            (2 + random.below(1500) + cipher.block() - 1) / cipher.block() * cipher.block();
        batch.packets.push_back(random.bytes(8 + cipher.iv_size() + text + cipher.icv_size()));
        batch.texts.push_back(random.bytes(text));
    }
    for (std::size_t i = 0; i < count; ++i) {
        batch.jobs.push_back({.packet = batch.packets[i].data(),
                              .text_size = batch.texts[i].size(),
                              .text = batch.texts[i].data(),
                              .sequence_high = random.u32()});
    }
    return batch;
}

class EnginesOfPacketCipher : public testing::TestWithParam<Backend> {};

TEST_P(EnginesOfPacketCipher, MakeTheSamePacketsAndOpenThem) {
    test::SeededRandom random{4303};
    CipherLanes lanes;
    for (const auto& p : all_suites()) {
        SCOPED_TRACE(say(p));
        const Keys keys = keys_for(p, random);
        const PacketCipher fast = make(p, keys, GetParam());
        const PacketCipher portable = make(p, keys, Backend::portable);
        Batch batch = batch_for(fast, random, 1 + random.below(20));
        std::vector<Bytes> again = batch.packets;
        std::vector<CipherJob> again_jobs = batch.jobs;
        for (std::size_t i = 0; i < again.size(); ++i) { again_jobs[i].packet = again[i].data(); }
        fast.seal(lanes, batch.jobs);
        portable.seal(lanes, again_jobs);
        for (std::size_t i = 0; i < again.size(); ++i) {
            ASSERT_EQ(to_hex(batch.packets[i]), to_hex(again[i]));
        }
        portable.open(lanes, batch.jobs);
        fast.open(lanes, again_jobs);
        for (std::size_t i = 0; i < again.size(); ++i) {
            ASSERT_TRUE(batch.jobs[i].ok && again_jobs[i].ok);
            const std::size_t front = 8 + fast.iv_size();
            const auto text = [&](const Bytes& packet) {
                return to_hex(ByteView{packet}.subspan(front, batch.texts[i].size()));
            };
            ASSERT_EQ(text(batch.packets[i]), to_hex(batch.texts[i]));
            ASSERT_EQ(text(again[i]), to_hex(batch.texts[i]));
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Fast, EnginesOfPacketCipher,
                         testing::Values(Backend::automatic, Backend::ipsec_mb));

// V-03: flip each bit of SPI, sequence number, IV, ciphertext and ICV.
TEST(PacketCipher, V03EveryFlippedBitIsRefusedAndTheOthersOfTheBatchAreNot) {
    test::SeededRandom random{3};
    CipherLanes lanes;
    for (const auto& p : all_suites()) {
        SCOPED_TRACE(say(p));
        for (const Backend backend : {Backend::automatic, Backend::ipsec_mb, Backend::portable}) {
            const PacketCipher cipher = make(p, keys_for(p, random), backend);
            Batch batch = batch_for(cipher, random, 3);
            cipher.seal(lanes, batch.jobs);
            const auto sealed = batch.packets;
            const std::size_t size = sealed[1].size();
            for (int tries = 0; tries < 12; ++tries) {
                for (std::size_t i = 0; i < 3; ++i) {
                    std::ranges::copy(sealed[i], batch.packets[i].begin());
                }
                // Every part gets its share, however long the text.
                const std::size_t part = static_cast<std::size_t>(tries) % 3;
                const std::size_t at = part == 0   ? random.below(8 + cipher.iv_size())
                                       : part == 1 ? size - 1 - random.below(cipher.icv_size())
                                                   : random.below(size);
                batch.packets[1][at] ^= static_cast<std::uint8_t>(1U << random.below(8));
                cipher.open(lanes, batch.jobs);
                EXPECT_TRUE(batch.jobs[0].ok);
                EXPECT_FALSE(batch.jobs[1].ok) << "octet " << at << " of " << size;
                EXPECT_TRUE(batch.jobs[2].ok);
            }
        }
    }
}

TEST(PacketCipher, TheHighWordIsAuthenticatedWithEsnOnly) {
    test::SeededRandom random{4};
    CipherLanes lanes;
    for (const auto& p : all_suites()) {
        SCOPED_TRACE(say(p));
        const PacketCipher cipher = make(p, keys_for(p, random), Backend::automatic);
        Batch batch = batch_for(cipher, random, 1);
        cipher.seal(lanes, batch.jobs);
        batch.jobs[0].sequence_high += 1;
        cipher.open(lanes, batch.jobs);
        EXPECT_EQ(batch.jobs[0].ok, !p.esn);
    }
}

TEST(PacketCipher, V04RefusesToEncryptWithoutIntegrity) {
    EXPECT_FALSE(PacketCipher::supports({aes_cbc, 128, IntegrityAlgorithm::none}));
    EXPECT_FALSE(PacketCipher::supports({aes_ctr, 256, IntegrityAlgorithm::none}));
    EXPECT_FALSE(PacketCipher::supports({null, 0, IntegrityAlgorithm::none}));
    const auto made =
        PacketCipher::create({aes_cbc, 128, IntegrityAlgorithm::none}, Secret(16), Secret());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::unsupported);
}

TEST(PacketCipher, RefusesKeysOfAnotherSize) {
    const auto made =
        PacketCipher::create({aes_gcm_16, 256, IntegrityAlgorithm::none}, Secret(32), Secret());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::bad_key_material);
    EXPECT_EQ(made.error().wanted, "an encryption key of 36 octets");
}

TEST(BlockGenerator, IsTheBareCipher) {
    Secret key(16);
    const BlockGenerator generator{key};
    Bytes out(16);
    generator.block(0, out);
    // AES-128 of zeros under a key of zeros (NIST KAT).
    EXPECT_EQ(to_hex(out), "66e94bd4ef8a2c3b884cfa59ca342b2e");
    Bytes cut(8);
    generator.block(0, cut);
    EXPECT_EQ(to_hex(cut), "66e94bd4ef8a2c3b");
}

}  // namespace
}  // namespace culvert::crypto
