// PRFs, integrity algorithms and key derivation against the RFCs' vectors, NIST's and Wycheproof's.

#include "crypto/mac.hpp"

#include <array>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "crypto/integrity.hpp"
#include "crypto/prf.hpp"
#include "vectors/crypto/wycheproof.hpp"

namespace culvert::crypto {
namespace {

using test::hex;
using test::Json;

const std::map<std::string, PrfAlgorithm> prfs{
    {"PRF-HMAC-SHA1", PrfAlgorithm::hmac_sha1},
    {"PRF-AES128-XCBC", PrfAlgorithm::aes128_xcbc},
    {"PRF-AES128-CMAC", PrfAlgorithm::aes128_cmac},
    {"PRF-HMAC-SHA2-256", PrfAlgorithm::hmac_sha2_256},
    {"PRF-HMAC-SHA2-384", PrfAlgorithm::hmac_sha2_384},
    {"PRF-HMAC-SHA2-512", PrfAlgorithm::hmac_sha2_512},
};

TEST(MacVectors, IntegrityAlgorithms) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/mac.json");
    const std::map<std::string, IntegrityAlgorithm> algorithms{
        {"AES-XCBC-96", IntegrityAlgorithm::aes_xcbc_96},
        {"AES-CMAC-96", IntegrityAlgorithm::aes_cmac_96},
        {"HMAC-SHA1-96", IntegrityAlgorithm::hmac_sha1_96},
        {"HMAC-SHA2-256-128", IntegrityAlgorithm::hmac_sha2_256_128},
        {"HMAC-SHA2-384-192", IntegrityAlgorithm::hmac_sha2_384_192},
        {"HMAC-SHA2-512-256", IntegrityAlgorithm::hmac_sha2_512_256},
    };
    std::map<std::string, int> run;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const auto name = test.at("alg").get<std::string>();
        const Bytes key = hex(test, "key");
        const Bytes data = hex(test, "data");
        const Bytes expected = hex(test, "mac");
        ++run[name];
        // Fibre Channel's lengths of HMAC-SHA1 (RFC 4595), which are no algorithm of ours.
        if (name == "HMAC-SHA1-128" || name == "HMAC-SHA1-160") {
            const Secret whole = Prf{PrfAlgorithm::hmac_sha1}(key, {data});
            EXPECT_EQ(to_hex(whole.reveal().first(expected.size())), to_hex(expected));
            continue;
        }
        ASSERT_TRUE(algorithms.contains(name)) << name;
        const Integrity integrity{algorithms.at(name), key};
        EXPECT_EQ(to_hex(integrity.icv({data})), to_hex(expected));
        EXPECT_TRUE(integrity.verify({data}, expected));
        EXPECT_FALSE(integrity.verify({data}, ByteView{expected}.first(expected.size() - 1)));
        Bytes wrong = expected;
        wrong.back() ^= 1U;
        EXPECT_FALSE(integrity.verify({data}, wrong));
    }
    for (const auto& [name, algorithm] : algorithms) { EXPECT_GT(run[name], 0) << name; }
}

TEST(MacVectors, Prfs) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/prf.json");
    std::map<std::string, int> run;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const auto name = test.at("alg").get<std::string>();
        ASSERT_TRUE(prfs.contains(name)) << name;
        const Prf prf{prfs.at(name)};
        const Bytes data = hex(test, "data");
        const auto half = static_cast<std::ptrdiff_t>(data.size() / 2);
        const Bytes expected = hex(test, "out");
        EXPECT_EQ(prf.output_size(), expected.size());
        const Bytes key = hex(test, "key");
        EXPECT_EQ(to_hex(prf(key, {data}).reveal()), to_hex(expected));
        EXPECT_EQ(
            to_hex(prf(key,
                       {{data.begin(), data.begin() + half}, {}, {data.begin() + half, data.end()}})
                       .reveal()),
            to_hex(expected));
        ++run[name];
    }
    for (const auto& [name, algorithm] : prfs) { EXPECT_GT(run[name], 0) << name; }
}

TEST(MacVectors, KeyDerivationOfIkev2) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/kdf-ikev2.json");
    std::map<std::string, int> run;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const auto kind = test.at("kind").get<std::string>();
        const Prf prf{prfs.at(test.at("prf"))};
        const Bytes key = hex(test, "key");
        const Bytes seed = hex(test, "seed");
        const Bytes expected = hex(test, "out");
        ++run[kind];
        if (kind == "skeyseed") {  // RFC 7296 2.14: SKEYSEED = prf(Ni | Nr, g^ir)
            EXPECT_EQ(to_hex(prf(seed, {key}).reveal()), to_hex(expected));
            continue;
        }
        ASSERT_EQ(kind, "prf+");
        EXPECT_EQ(to_hex(prf.plus(key, {seed}, expected.size()).reveal()), to_hex(expected));
        for (std::size_t length = 0; length < expected.size(); length += 7) {
            EXPECT_EQ(to_hex(prf.plus(key, {seed}, length).reveal()),
                      to_hex(ByteView{expected}.first(length)));
        }
    }
    EXPECT_GT(run["skeyseed"], 0);
    EXPECT_GT(run["prf+"], 0);
}

// What the vectors have in common: a tag of `tagSize` bits of the MAC under `key`.
void run_wycheproof_mac(std::string_view path, MacAlgorithm algorithm, std::size_t key_bits) {
    CULVERT_SHARED_JSON(file, path);
    int valid = 0;
    int invalid = 0;
    int other_keys = 0;
    test::for_each_test(file, [&](const Json& group, const Json& test) {
        const Bytes key = hex(test, "key");
        if (key_bits != 0 && key.size() * 8 != key_bits) {
            ++other_keys;  // keys of a length that IPsec does not have
            return;
        }
        const Bytes data = hex(test, "msg");
        const auto size = group.at("tagSize").get<std::size_t>() / 8;
        const std::array parts{ByteView{data}};
        const Secret whole = Mac{algorithm, key}.compute(parts);
        const bool equal = constant_time_equal(whole.reveal().first(size), hex(test, "tag"));
        EXPECT_EQ(equal, test::verdict_of(test) == test::Verdict::valid);
        ++(equal ? valid : invalid);
    });
    EXPECT_GT(valid, 20);
    EXPECT_GT(invalid, 80);
    EXPECT_EQ(valid + invalid + other_keys, file.at("numberOfTests").get<int>());
}

TEST(MacWycheproof, HmacSha1) {
    run_wycheproof_mac("vectors/wycheproof/hmac_sha1_test.json", MacAlgorithm::hmac_sha1, 0);
}
TEST(MacWycheproof, HmacSha256) {
    run_wycheproof_mac("vectors/wycheproof/hmac_sha256_test.json", MacAlgorithm::hmac_sha2_256, 0);
}
TEST(MacWycheproof, HmacSha384) {
    run_wycheproof_mac("vectors/wycheproof/hmac_sha384_test.json", MacAlgorithm::hmac_sha2_384, 0);
}
TEST(MacWycheproof, HmacSha512) {
    run_wycheproof_mac("vectors/wycheproof/hmac_sha512_test.json", MacAlgorithm::hmac_sha2_512, 0);
}
TEST(MacWycheproof, AesCmac) {
    run_wycheproof_mac("vectors/wycheproof/aes_cmac_test.json", MacAlgorithm::aes128_cmac, 128);
}

}  // namespace
}  // namespace culvert::crypto
