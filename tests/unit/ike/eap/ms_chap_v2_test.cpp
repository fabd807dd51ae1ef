// RFC 2759 9.2 and RFC 3079 3.5.3: the example of both, step by step; MD4 and DES under it.

#include "ike/eap/ms_chap_v2.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "crypto/legacy.hpp"

namespace culvert::ike::eap {
namespace {

Secret secret(std::string_view text) { return Secret::copy_of(as_bytes(text)); }
std::string hex(const Secret& octets) { return to_hex(octets.reveal()); }

template <std::size_t size>
std::array<std::uint8_t, size> octets(std::string_view text) {
    std::array<std::uint8_t, size> out{};
    std::ranges::copy(from_hex(text).value(), out.begin());
    return out;
}

const Challenge authenticator = octets<16>("5b5d7c7d7b3f2f3e3c2c602132262628");
const Challenge peer = octets<16>("21402324255e262a28295f2b3a337c7e");
const NtResponse response = octets<24>("82309ecd8d708b5ea08faa3981cd83544233114a3d85d6df");

// RFC 1320 A.5.
TEST(Md4, IsThatOfItsRfc) {
    const auto of = [](std::string_view text) { return hex(crypto::md4(as_bytes(text)).value()); };
    EXPECT_EQ(of(""), "31d6cfe0d16ae931b73c59d7e0c089c0");
    EXPECT_EQ(of("abc"), "a448017aaf21d8525fc10ae87aa6729d");
    EXPECT_EQ(of("message digest"), "d9130a8164549fe818874806e1c7014b");
}

// RFC 1321 A.5.
TEST(Md5, IsThatOfItsRfc) {
    EXPECT_EQ(to_hex(crypto::md5({as_bytes("ab"), as_bytes("c")})),
              "900150983cd24fb0d6963f7d28e17f72");
}

// The last octet of each key in the RFC's example is parity: DES under 7 octets.
TEST(DesEncrypt, IsOneThirdOfTheNtResponse) {
    const Bytes challenge = from_hex("d02e4386bce91226").value();
    EXPECT_EQ(to_hex(crypto::des_encrypt(from_hex("44ebba8d5312b8").value(), challenge)),
              "82309ecd8d708b5e");
}

TEST(MsChapV2, MakesTheHashOfTheExample) {
    EXPECT_EQ(hex(nt_hash(secret("clientPass")).value()), "44ebba8d5312b8d611474411f56989ae");
}

TEST(MsChapV2, MakesTheResponseOfTheExample) {
    const Secret hash = nt_hash(secret("clientPass")).value();
    EXPECT_EQ(nt_response(authenticator, peer, "User", hash), response);
    // RFC 2759 4: the domain is not part of it.
    EXPECT_EQ(nt_response(authenticator, peer, "BIGCO\\User", hash), response);
    EXPECT_NE(nt_response(authenticator, peer, "user", hash), response);
}

TEST(MsChapV2, MakesTheAuthenticatorsResponseOfTheExample) {
    const Secret hash = nt_hash(secret("clientPass")).value();
    EXPECT_EQ(authenticator_response(hash, response, peer, authenticator, "User").value(),
              "S=407A5589115FD0D6209F510FE9C04566932CDA56");
}

// RFC 3079 3.5.3; SendStartKey128 is the authenticator's.
TEST(MsChapV2, MakesTheKeysOfTheExample) {
    const Secret hash = nt_hash(secret("clientPass")).value();
    EXPECT_EQ(hex(master_key(hash, response).value()), "fdece3717a8c838cb388e527ae3cdd31");
    const std::string msk = hex(mschapv2_msk(hash, response).value());
    ASSERT_EQ(msk.size(), 128U);
    EXPECT_EQ(msk.substr(32, 32), "8b7cdc149b993a1ba118cb153f56dccb");
    EXPECT_EQ(msk.substr(64), std::string(64, '0'));
    EXPECT_NE(msk.substr(0, 32), msk.substr(32, 32));
}

// Hashes by `iconv -t UTF-16LE | openssl dgst -md4 -provider legacy`.
TEST(MsChapV2, TakesPasswordsInUtf8) {
    EXPECT_EQ(hex(nt_hash(secret("p\xc3\xa4ssw\xc3\xb6rd\xe2\x82\xac")).value()),
              "7f20bf6e69d97371914a8807579cab5c");
    EXPECT_EQ(hex(nt_hash(secret("\xf0\x9f\x94\x91key")).value()),
              "08636ad2dbbe22210305db7278de577f");
    // What is no UTF-8 counts octet by octet, as strongSwan has it.
    EXPECT_EQ(hex(nt_hash(secret("p\xe4ss")).value()), "411b68984d6b19bbb302455798320a06");
    EXPECT_EQ(hex(nt_hash(secret("")).value()), "31d6cfe0d16ae931b73c59d7e0c089c0");
}

}  // namespace
}  // namespace culvert::ike::eap
