// Ciphers without integrity, against the RFCs' vectors and Wycheproof's.

#include "crypto/cipher.hpp"

#include <map>
#include <string>

#include <gtest/gtest.h>

#include "vectors/crypto/wycheproof.hpp"

namespace culvert::crypto {
namespace {

using test::hex;
using test::Json;

TEST(CipherVectors, CbcCtrAnd3Des) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/cipher.json");
    const std::map<std::string, EncryptionAlgorithm> algorithms{
        {"AES-CBC", EncryptionAlgorithm::aes_cbc},
        {"AES-CTR", EncryptionAlgorithm::aes_ctr},
        {"3DES-CBC", EncryptionAlgorithm::des3_cbc},
    };
    std::map<std::string, int> run;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const auto name = test.at("alg").get<std::string>();
        ASSERT_TRUE(algorithms.contains(name)) << name;
        Bytes key = hex(test, "key");
        const auto key_bits = static_cast<std::uint16_t>(key.size() * 8);
        if (test.contains("salt")) { append(key, hex(test, "salt")); }
        const Cipher cipher{algorithms.at(name), key_bits, key};
        const Bytes iv = hex(test, "iv");
        Bytes data = hex(test, "plaintext");
        cipher.encrypt(iv, data);
        EXPECT_EQ(to_hex(data), test.at("ciphertext").get<std::string>());
        cipher.decrypt(iv, data);
        EXPECT_EQ(to_hex(data), test.at("plaintext").get<std::string>());
        ++run[name];
    }
    for (const auto& [name, algorithm] : algorithms) { EXPECT_GT(run[name], 0) << name; }
}

// The padding of that file is PKCS #5's, which IPsec does not use: it is added and judged here, the
// blocks are ours.
bool well_padded(ByteView text) {
    const std::size_t count = text.back();
    return count >= 1 && count <= 16 && count <= text.size() &&
           std::ranges::all_of(text.last(count), [&](std::uint8_t one) { return one == count; });
}

TEST(CipherWycheproof, AesCbcBlocks) {
    CULVERT_SHARED_JSON(file, "vectors/wycheproof/aes_cbc_pkcs5_test.json");
    int valid = 0;
    int invalid = 0;
    test::for_each_test(file, [&](const Json&, const Json& test) {
        const Bytes key = hex(test, "key");
        const Bytes iv = hex(test, "iv");
        const Bytes plaintext = hex(test, "msg");
        Bytes data = hex(test, "ct");
        const Cipher cipher{EncryptionAlgorithm::aes_cbc,
                            static_cast<std::uint16_t>(key.size() * 8), key};
        const bool whole = !data.empty() && data.size() % cipher.block_size() == 0;
        if (whole) { cipher.decrypt(iv, data); }
        if (test::verdict_of(test) == test::Verdict::invalid) {
            EXPECT_FALSE(whole && well_padded(data));
            ++invalid;
            return;
        }
        ASSERT_TRUE(whole && well_padded(data));
        EXPECT_EQ(to_hex(ByteView{data}.first(plaintext.size())), to_hex(plaintext));
        cipher.encrypt(iv, data);
        EXPECT_EQ(to_hex(data), test.at("ct").get<std::string>());
        ++valid;
    });
    EXPECT_EQ(valid, 72);
    EXPECT_EQ(invalid, 144);
}

}  // namespace
}  // namespace culvert::crypto
