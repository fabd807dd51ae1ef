#include "crypto/key_exchange.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <set>

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include "crypto/random.hpp"
#include "support/seeded_random.hpp"

namespace culvert::crypto {
namespace {

constexpr std::array all{KeMethod::modp1024, KeMethod::modp1536,   KeMethod::modp2048,
                         KeMethod::modp3072, KeMethod::modp4096,   KeMethod::modp6144,
                         KeMethod::modp8192, KeMethod::ecp256,     KeMethod::ecp384,
                         KeMethod::ecp521,   KeMethod::ecp256bp,   KeMethod::ecp384bp,
                         KeMethod::ecp512bp, KeMethod::curve25519, KeMethod::curve448};

TEST(KeyExchange, BothEndsGetOneSecret) {
    SystemRandom random;
    for (const auto method : all) {
        SCOPED_TRACE(static_cast<int>(method));
        const auto initiator = KeyExchange::create(method, random);
        const auto responder = KeyExchange::create(method, random);
        ASSERT_TRUE(initiator && responder);
        EXPECT_EQ(initiator->method(), method);
        EXPECT_EQ(initiator->public_value().size(), KeyExchange::public_size(method));
        EXPECT_NE(initiator->public_value(), responder->public_value());
        const auto shared_i = initiator->derive(responder->public_value());
        const auto shared_r = responder->derive(initiator->public_value());
        ASSERT_TRUE(shared_i && shared_r);
        EXPECT_EQ(to_hex(shared_i->reveal()), to_hex(shared_r->reveal()));
        const bool ecp = method >= KeMethod::ecp256 && method <= KeMethod::ecp512bp;
        EXPECT_EQ(shared_i->size(), KeyExchange::public_size(method) / (ecp ? 2 : 1));
    }
}

// Our public value of Curve25519 comes by way of edwards25519; OpenSSL's is the oracle.
TEST(KeyExchange, Curve25519sPublicValueIsOpenssls) {
    test::SeededRandom random{25519};
    for (int i = 0; i < 2000; ++i) {
        Bytes value(32);
        random.fill(value);
        if (i < 8) { std::ranges::fill(value, i % 2 == 0 ? 0x00 : 0xff); }
        if (i < 8 && i > 1) { value.at(static_cast<std::size_t>(i) * 4) = 0x81; }
        const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{
            EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, value.data(), value.size()),
            EVP_PKEY_free};
        Bytes expected(32);
        std::size_t length = expected.size();
        ASSERT_EQ(EVP_PKEY_get_raw_public_key(key.get(), expected.data(), &length), 1);
        const auto ours = KeyExchange::from_private(KeMethod::curve25519, Secret::copy_of(value));
        ASSERT_TRUE(ours);
        ASSERT_EQ(to_hex(ours->public_value()), to_hex(expected)) << to_hex(value);
    }
}

// A simulation replays from its seed only if nothing else is drawn on.
TEST(KeyExchange, DrawsFromTheGivenSourceAlone) {
    for (const auto method : all) {
        SCOPED_TRACE(static_cast<int>(method));
        test::SeededRandom first{42};
        test::SeededRandom again{42};
        test::SeededRandom other{43};
        const auto one = KeyExchange::create(method, first);
        EXPECT_EQ(one->public_value(), KeyExchange::create(method, again)->public_value());
        EXPECT_NE(one->public_value(), KeyExchange::create(method, other)->public_value());
        EXPECT_EQ(first.u64(), again.u64());  // and as much of it
    }
}

TEST(KeyExchange, SmallestExponentsGiveTheGeneratorAndItsSquare) {
    const auto one = KeyExchange::from_private(KeMethod::modp2048, Secret::copy_of(Bytes{1}));
    const auto two = KeyExchange::from_private(KeMethod::modp2048, Secret::copy_of(Bytes{0, 2}));
    EXPECT_EQ(one->public_value().back(), 2);
    EXPECT_EQ(two->public_value().back(), 4);
    // g^ir has the length of the modulus, leading zeros and all (RFC 7296 2.14).
    const auto shared = one->derive(two->public_value());
    ASSERT_TRUE(shared);
    EXPECT_EQ(shared->size(), 256U);
    EXPECT_EQ(shared->reveal().back(), 4);
    EXPECT_EQ(shared->reveal().front(), 0);
}

TEST(KeyExchange, RefusesPrivateValuesOutOfRange) {
    const auto refused = [](KeMethod method, const Bytes& value) {
        const auto exchange = KeyExchange::from_private(method, Secret::copy_of(value));
        ASSERT_FALSE(exchange);
        EXPECT_EQ(exchange.error().code, ErrorCode::bad_key_material);
    };
    for (const auto method : all) {
        SCOPED_TRACE(static_cast<int>(method));
        refused(method, {});
        refused(method, Bytes(KeyExchange::public_size(method) + 1, 0xff));
    }
    refused(KeMethod::modp2048, Bytes(32, 0));
    refused(KeMethod::ecp256, Bytes(32, 0));
    refused(KeMethod::ecp256, Bytes(32, 0xff));
    refused(KeMethod::curve25519, Bytes(31, 1));
}

TEST(KeyExchange, UnknownMethodsAreUnsupported) {
    test::SeededRandom random{1};
    for (const auto method : {KeMethod::none, KeMethod::modp768, KeMethod::modp2048s256,
                              KeMethod::ecp192, KeMethod{33}, KeMethod{65535}}) {
        EXPECT_FALSE(KeyExchange::supports(method));
        const auto exchange = KeyExchange::create(method, random);
        ASSERT_FALSE(exchange);
        EXPECT_EQ(exchange.error().code, ErrorCode::unsupported);
    }
}

// What the generator of octets gives may be nonsense; what we make of it is in the group still.
class ConstantRandom final : public Random {
 public:
    explicit ConstantRandom(std::uint8_t octet) : octet_(octet) {}
    void fill(MutableByteView out) override {
        for (auto& octet : out) { octet = octet_; }
    }

 private:
    std::uint8_t octet_;
};

TEST(KeyExchange, ZerosFromTheSourceGiveNoTrivialModpValue) {
    ConstantRandom zeros{0};
    for (const auto method : {KeMethod::modp1024, KeMethod::modp2048, KeMethod::modp8192}) {
        const auto exchange = KeyExchange::create(method, zeros);
        ASSERT_TRUE(exchange);
        std::set<std::uint8_t> octets(exchange->public_value().begin(),
                                      exchange->public_value().end());
        EXPECT_GT(octets.size(), 16U);
    }
}

TEST(KeyExchangeDeathTest, ASourceThatNeverGivesAPrivateValueIsABug) {
    ConstantRandom zeros{0};
    EXPECT_DEATH((void)KeyExchange::create(KeMethod::ecp256, zeros), "does not hold");
}

}  // namespace
}  // namespace culvert::crypto
