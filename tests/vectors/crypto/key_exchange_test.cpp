// Whole key exchanges against the RFCs' vectors; MODP primes; X25519 and X448 against Wycheproof.

#include "crypto/key_exchange.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "vectors/crypto/wycheproof.hpp"

namespace culvert::crypto {
namespace {

using test::hex;
using test::Json;

const std::set<KeMethod> offered{KeMethod::modp1024, KeMethod::modp1536,   KeMethod::modp2048,
                                 KeMethod::modp3072, KeMethod::modp4096,   KeMethod::modp6144,
                                 KeMethod::modp8192, KeMethod::ecp256,     KeMethod::ecp384,
                                 KeMethod::ecp521,   KeMethod::ecp256bp,   KeMethod::ecp384bp,
                                 KeMethod::ecp512bp, KeMethod::curve25519, KeMethod::curve448};

TEST(KeyExchangeVectors, BothSidesOfEveryGroup) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/dh.json");
    std::set<KeMethod> run;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const auto method = KeMethod{test.at("ike_group").get<std::uint16_t>()};
        ASSERT_EQ(KeyExchange::supports(method), offered.contains(method));
        if (!offered.contains(method)) { continue; }
        const Bytes public_i = hex(test, "pub_i");
        const Bytes public_r = hex(test, "pub_r");
        EXPECT_EQ(KeyExchange::public_size(method), public_i.size());
        const auto initiator =
            KeyExchange::from_private(method, Secret::copy_of(hex(test, "priv_i")));
        const auto responder =
            KeyExchange::from_private(method, Secret::copy_of(hex(test, "priv_r")));
        ASSERT_TRUE(initiator && responder);
        EXPECT_EQ(to_hex(initiator->public_value()), to_hex(public_i));
        EXPECT_EQ(to_hex(responder->public_value()), to_hex(public_r));
        const auto shared_i = initiator->derive(public_r);
        const auto shared_r = responder->derive(public_i);
        ASSERT_TRUE(shared_i && shared_r);
        EXPECT_EQ(to_hex(shared_i->reveal()), test.at("shared").get<std::string>());
        EXPECT_EQ(to_hex(shared_r->reveal()), test.at("shared").get<std::string>());
        run.insert(method);
    }
    EXPECT_EQ(run, offered);
}

// RFC 2409 6, RFC 3526. That p - 1 is refused, p - 2 accepted and 2^1 has the right length pins
// down the prime that is built in: (p - 2)^1 mod p gives p - 2 back, for this p alone.
TEST(KeyExchangeVectors, ModpPrimes) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/modp-primes.json");
    int run = 0;
    for (const Json& test : file.at("cases")) {
        SCOPED_TRACE(test.at("id"));
        const auto method = KeMethod{test.at("ike_group").get<std::uint16_t>()};
        EXPECT_EQ(test.at("generator").get<std::string>(), "02");
        if (!offered.contains(method)) {
            EXPECT_EQ(method, KeMethod::modp768);
            continue;
        }
        Bytes value = hex(test, "prime");
        EXPECT_EQ(KeyExchange::public_size(method), value.size());
        const auto exchange = KeyExchange::from_private(method, Secret::copy_of(Bytes{1}));
        ASSERT_TRUE(exchange);
        EXPECT_EQ(exchange->public_value().back(), 2);
        EXPECT_FALSE(exchange->derive(value));
        value.back() = 0xfe;
        EXPECT_FALSE(exchange->derive(value));
        value.back() = 0xfd;
        const auto shared = exchange->derive(value);
        ASSERT_TRUE(shared);
        EXPECT_EQ(to_hex(shared->reveal()), to_hex(value));
        ++run;
    }
    EXPECT_EQ(run, 7);
}

void run_wycheproof_montgomery(std::string_view path, KeMethod method) {
    CULVERT_SHARED_JSON(file, path);
    int derived = 0;
    int zero = 0;
    int refused = 0;
    test::for_each_test(file, [&](const Json&, const Json& test) {
        const auto exchange =
            KeyExchange::from_private(method, Secret::copy_of(hex(test, "private")));
        ASSERT_TRUE(exchange);
        const auto shared = exchange->derive(hex(test, "public"));
        const Bytes expected = hex(test, "shared");
        const bool is_zero =
            std::ranges::all_of(expected, [](std::uint8_t octet) { return octet == 0; });
        // "acceptable" means that a zero secret may be let through; RFC 8031 lets none.
        if (test::verdict_of(test) == test::Verdict::invalid || is_zero) {
            ASSERT_FALSE(shared);
            EXPECT_EQ(shared.error().code, ErrorCode::bad_key_material);
            ++(is_zero ? zero : refused);
            return;
        }
        ASSERT_TRUE(shared) << explain(shared.error());
        EXPECT_EQ(to_hex(shared->reveal()), to_hex(expected));
        ++derived;
    });
    EXPECT_GT(derived, 400);
    EXPECT_GT(zero, 10);
    EXPECT_EQ(derived + zero + refused, file.at("numberOfTests").get<int>());
}

TEST(KeyExchangeWycheproof, X25519) {
    run_wycheproof_montgomery("vectors/wycheproof/x25519_test.json", KeMethod::curve25519);
}
TEST(KeyExchangeWycheproof, X448) {
    run_wycheproof_montgomery("vectors/wycheproof/x448_test.json", KeMethod::curve448);
}

}  // namespace
}  // namespace culvert::crypto
