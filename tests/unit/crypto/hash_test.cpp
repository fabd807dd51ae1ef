#include "crypto/hash.hpp"

#include <gtest/gtest.h>

namespace culvert::crypto {
namespace {

// FIPS 180-4's example "abc".
TEST(Hash, Abc) {
    const auto of = [](HashAlgorithm algorithm) {
        const Bytes out = hash(algorithm, {as_bytes("a"), {}, as_bytes("bc")});
        EXPECT_EQ(out.size(), hash_size(algorithm));
        return to_hex(out);
    };
    EXPECT_EQ(of(HashAlgorithm::sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
    EXPECT_EQ(of(HashAlgorithm::sha2_256),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(of(HashAlgorithm::sha2_384),
              "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
              "8086072ba1e7cc2358baeca134c825a7");
    EXPECT_EQ(of(HashAlgorithm::sha2_512),
              "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
              "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
}

TEST(Hash, OfNothing) {
    EXPECT_EQ(to_hex(hash(HashAlgorithm::sha1, {})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST(Hash, AnUnnamedNumberHasNoSize) { EXPECT_EQ(hash_size(HashAlgorithm{0}), 0U); }

}  // namespace
}  // namespace culvert::crypto
