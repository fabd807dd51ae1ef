#include "crypto/ike_cipher.hpp"

#include <initializer_list>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "crypto/cipher.hpp"
#include "crypto/integrity.hpp"
#include "support/seeded_random.hpp"

namespace culvert::crypto {
namespace {

using enum EncryptionAlgorithm;

struct Suite {
    EncryptionAlgorithm encryption;
    std::uint16_t key_bits;
    IntegrityAlgorithm integrity;
};

// Every combination that IkeCipher supports.
std::vector<Suite> all_suites() {
    std::vector<Suite> out;
    for (std::uint16_t encryption = 0; encryption < 40; ++encryption) {
        for (const auto bits : std::initializer_list<std::uint16_t>{0, 128, 192, 256}) {
            for (const auto integrity :
                 std::initializer_list<std::uint16_t>{0, 1, 2, 5, 8, 9, 12, 13, 14, 1026}) {
                const Suite suite{EncryptionAlgorithm{encryption}, bits,
                                  IntegrityAlgorithm{integrity}};
                if (IkeCipher::supports(suite.encryption, bits, suite.integrity)) {
                    out.push_back(suite);
                }
            }
        }
    }
    return out;
}

// Two objects made by this with one seed are the two ends of one direction.
IkeCipher make(const Suite& suite, std::uint64_t seed = 1) {
    test::SeededRandom random{seed};
    const auto draw = [&](std::size_t size) {
        Secret out{size};
        random.fill(out.write());
        return out;
    };
    Secret sk_e = draw(IkeCipher::encryption_key_size(suite.encryption, suite.key_bits));
    Secret sk_a = draw(IkeCipher::integrity_key_size(suite.integrity));
    return IkeCipher{suite.encryption, suite.key_bits, suite.integrity, std::move(sk_e),
                     std::move(sk_a)};
}

std::string name_of(const Suite& suite) {
    return std::to_string(static_cast<int>(suite.encryption)) + "/" +
           std::to_string(suite.key_bits) + "/" + std::to_string(static_cast<int>(suite.integrity));
}

TEST(IkeCipher, WhatOneEndSealsTheOtherOpens) {
    const auto suites = all_suites();
    // 3DES (named with and without its key length) and AES-CBC and AES-CTR of three lengths, with
    // seven MACs; six AES AEADs of three lengths; ChaCha20, named like 3DES.
    ASSERT_EQ(suites.size(), 7U * (2 + 3 + 3) + 6 * 3 + 2);
    test::SeededRandom random{7};
    for (const auto& suite : suites) {
        SCOPED_TRACE(name_of(suite));
        IkeCipher ours = make(suite);
        const IkeCipher theirs = make(suite);
        for (const auto size : std::initializer_list<std::size_t>{0, 1, 7, 8, 14, 15, 16, 17, 31,
                                                                  32, 100, 1400, 65000}) {
            const Bytes headers = random.bytes(32);
            const Bytes plaintext = random.bytes(size);
            const auto body = ours.seal(headers, plaintext, random);
            ASSERT_TRUE(body);
            EXPECT_EQ(body->size(), ours.sealed_size(size));
            const auto opened = theirs.open(headers, *body);
            ASSERT_TRUE(opened) << explain(opened.error());
            EXPECT_EQ(*opened, plaintext);
        }
    }
}

TEST(IkeCipher, EveryChangedBitAndEveryOtherLengthIsRefusedAlike) {
    test::SeededRandom random{8};
    for (const auto& suite : all_suites()) {
        SCOPED_TRACE(name_of(suite));
        IkeCipher ours = make(suite);
        const IkeCipher theirs = make(suite);
        const IkeCipher stranger = make(suite, 2);
        const Bytes headers = random.bytes(32);
        const Bytes body = *ours.seal(headers, random.bytes(20), random);
        const auto refused = [&](const IkeCipher& cipher, ByteView head, ByteView sealed) {
            const auto opened = cipher.open(head, sealed);
            ASSERT_FALSE(opened);
            EXPECT_EQ(opened.error().code, ErrorCode::integrity_check_failed);
            // Nobody learns where: the words are the same for all.
            EXPECT_EQ(explain(opened.error()), explain(stranger.open(headers, body).error()));
        };
        for (std::size_t at = 0; at < body.size(); ++at) {
            Bytes wrong = body;
            wrong[at] ^= static_cast<std::uint8_t>(1U << random.below(8));
            refused(theirs, headers, wrong);
            refused(theirs, headers, ByteView{body}.first(at));
        }
        for (std::size_t at = 0; at < headers.size(); ++at) {
            Bytes wrong = headers;
            wrong[at] ^= 1U;
            refused(theirs, wrong, body);
        }
        Bytes longer = body;
        longer.push_back(0);
        refused(theirs, headers, longer);
        refused(stranger, headers, body);
        EXPECT_TRUE(theirs.open(headers, body));  // and it was not the opener that broke
    }
}

TEST(IkeCipher, IvsDifferBetweenMessages) {
    test::SeededRandom random{9};
    for (const auto& suite : all_suites()) {
        SCOPED_TRACE(name_of(suite));
        IkeCipher cipher = make(suite);
        std::set<Bytes> ivs;
        for (int i = 0; i < 300; ++i) {
            const Bytes body = *cipher.seal({}, {}, random);
            ivs.insert(to_bytes(ByteView{body}.first(cipher.iv_size())));
        }
        EXPECT_EQ(ivs.size(), 300U);
    }
}

// Seals `text` (with whatever padding it has) as AES-CBC with HMAC does it, but by hand.
Bytes seal_by_hand(const Suite& suite, ByteView headers, Bytes text) {
    const IkeCipher keys = make(suite);
    const Cipher cipher{suite.encryption, suite.key_bits, keys.encryption_key().reveal()};
    const Integrity integrity{suite.integrity, keys.integrity_key().reveal()};
    Bytes body(cipher.iv_size(), 0x5a);
    if (text.size() % cipher.block_size() == 0) { cipher.encrypt(body, text); }
    append(body, text);
    append(body, integrity.icv({headers, body}));
    return body;
}

// RFC 7296 3.14: the sender may choose the padding's content and up to 255 octets of it.
TEST(IkeCipher, TakesAnyPaddingThatFits) {
    const Suite suite{aes_cbc, 256, IntegrityAlgorithm::hmac_sha2_256_128};
    const Bytes headers(32, 3);
    for (const auto pad_length : std::initializer_list<std::size_t>{15, 31, 47, 255}) {
        Bytes text(pad_length, 0xee);
        text.push_back(static_cast<std::uint8_t>(pad_length));
        ASSERT_EQ(text.size() % 16, 0U);
        const auto nothing = make(suite).open(headers, seal_by_hand(suite, headers, text));
        ASSERT_TRUE(nothing) << explain(nothing.error());
        EXPECT_TRUE(nothing->empty());
        text.insert(text.begin(), 16, 0x11);
        const auto some = make(suite).open(headers, seal_by_hand(suite, headers, text));
        ASSERT_TRUE(some);
        EXPECT_EQ(*some, Bytes(16, 0x11));
    }
}

TEST(IkeCipher, RefusesPaddingThatReachesBeforeTheText) {
    const Suite suite{aes_cbc, 256, IntegrityAlgorithm::hmac_sha2_256_128};
    const Bytes headers(32, 3);
    for (const auto pad_length : std::initializer_list<std::uint8_t>{16, 17, 200, 255}) {
        Bytes text(16, 0);
        text.back() = pad_length;
        const auto opened = make(suite).open(headers, seal_by_hand(suite, headers, text));
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, ErrorCode::malformed);
    }
}

// It authenticates, so the peer itself made it: malformed, and not a failed check.
TEST(IkeCipher, RefusesTextThatIsNoWholeBlocks) {
    const Suite suite{aes_cbc, 128, IntegrityAlgorithm::hmac_sha1_96};
    const Bytes headers(32, 3);
    const auto opened = make(suite).open(headers, seal_by_hand(suite, headers, Bytes(17, 0)));
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::malformed);
}

// No padding oracle: a wrong ICV over a wrong padding is a wrong ICV.
TEST(IkeCipher, LooksAtThePaddingOnlyBehindTheIcv) {
    const Suite suite{aes_cbc, 128, IntegrityAlgorithm::hmac_sha1_96};
    const Bytes headers(32, 3);
    Bytes body = seal_by_hand(suite, headers, Bytes(16, 0xff));
    body.back() ^= 1U;
    const auto opened = make(suite).open(headers, body);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::integrity_check_failed);
}

TEST(IkeCipher, KeepsItsCounterWhenMoved) {
    test::SeededRandom random{3};
    IkeCipher cipher = make({aes_gcm_16, 256, IntegrityAlgorithm::none});
    const Bytes before = *cipher.seal({}, Bytes{1}, random);
    IkeCipher moved = std::move(cipher);
    const Bytes after = *moved.seal({}, Bytes{1}, random);
    EXPECT_NE(before, after);  // the counter moved along
    EXPECT_TRUE(moved.open({}, before));
    EXPECT_TRUE(moved.open({}, after));
}

TEST(IkeCipherDeathTest, KeysOfAnotherSizeAreABug) {
    EXPECT_DEATH(
        (IkeCipher{aes_gcm_16, 128, IntegrityAlgorithm::none, Secret{16}, Secret{}}),  // no salt
        "does not hold");
    EXPECT_DEATH((IkeCipher{aes_cbc, 128, IntegrityAlgorithm::none, Secret{16}, Secret{}}),
                 "does not hold");
}

}  // namespace
}  // namespace culvert::crypto
