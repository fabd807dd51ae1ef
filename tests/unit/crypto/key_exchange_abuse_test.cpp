// Public values that an attacker chooses (RFC 6989, RFC 8031). Named by the catalogue of abuse.

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string>

#include <gtest/gtest.h>

#include "crypto/key_exchange.hpp"
#include "support/seeded_random.hpp"
#include "support/vectors.hpp"

namespace culvert::crypto {
namespace {

using test::hex;

constexpr std::array modp{KeMethod::modp1024, KeMethod::modp1536, KeMethod::modp2048,
                          KeMethod::modp3072, KeMethod::modp4096, KeMethod::modp6144,
                          KeMethod::modp8192};
constexpr std::array ecp{KeMethod::ecp256,   KeMethod::ecp384,   KeMethod::ecp521,
                         KeMethod::ecp256bp, KeMethod::ecp384bp, KeMethod::ecp512bp};

KeyExchange make(KeMethod method, std::uint64_t seed = 1) {
    test::SeededRandom random{seed};
    auto exchange = KeyExchange::create(method, random);
    EXPECT_TRUE(exchange);
    return std::move(*exchange);
}

void expect_refused(const KeyExchange& ours, ByteView value, std::string_view because) {
    const auto shared = ours.derive(value);
    ASSERT_FALSE(shared) << to_hex(value.first(std::min<std::size_t>(value.size(), 64)));
    EXPECT_EQ(shared.error().code, ErrorCode::bad_key_material);
    EXPECT_NE(explain(shared.error()).find(because), std::string::npos) << explain(shared.error());
}

// The primes of RFC 3526 begin and end with 64 one bits; what lies between does not matter to the
// values that are tried, so p itself is found from the vectors' file.
Bytes prime_of(const test::Json& file, KeMethod method) {
    for (const auto& one : file.at("cases")) {
        if (KeMethod{one.at("ike_group").get<std::uint16_t>()} == method) {
            return hex(one, "prime");
        }
    }
    return {};
}

// K-02: MODP value 0, 1, p-1, p, p+1; leading zeros cut.
TEST(AbuseK02, ModpValuesOutOfRange) {
    CULVERT_SHARED_JSON(file, "vectors/rfc/modp-primes.json");
    for (const auto method : modp) {
        SCOPED_TRACE(static_cast<int>(method));
        const KeyExchange ours = make(method);
        const std::size_t size = KeyExchange::public_size(method);
        const Bytes prime = prime_of(file, method);
        ASSERT_EQ(prime.size(), size);
        const auto small = [&](std::uint8_t value) {
            Bytes out(size, 0);
            out.back() = value;
            return out;
        };
        const auto near_prime = [&](int difference) {  // p ends with ...ff
            Bytes out = prime;
            if (difference <= 0) {
                out.back() = static_cast<std::uint8_t>(out.back() + difference);
                return out;
            }
            // p + 1: 64 one bits carry over.
            for (auto octet = out.rbegin(); octet != out.rend() && ++*octet == 0; ++octet) {}
            return out;
        };
        expect_refused(ours, small(0), "greater than 1");
        expect_refused(ours, small(1), "greater than 1");
        expect_refused(ours, near_prime(-1), "less than p - 1");
        expect_refused(ours, near_prime(0), "less than p - 1");
        expect_refused(ours, near_prime(1), "less than p - 1");
        expect_refused(ours, Bytes(size, 0xff), "less than p - 1");
        // The values just inside are fine: the checks are no wider than RFC 6989 2.1.
        EXPECT_TRUE(ours.derive(small(2)));
        EXPECT_TRUE(ours.derive(near_prime(-2)));
    }
}

TEST(AbuseK02, ModpValueWithItsLeadingZerosCut) {
    const KeyExchange ours = make(KeMethod::modp2048);
    Bytes value(256, 0x42);
    value[0] = 0;
    EXPECT_TRUE(ours.derive(value));
    value.erase(value.begin());
    expect_refused(ours, value, "255 octets");
}

// K-03: ECP off curve, infinity, x or y >= p, compressed form, wrong length.
TEST(AbuseK03, PointOffTheCurve) {
    for (const auto method : ecp) {
        SCOPED_TRACE(static_cast<int>(method));
        const KeyExchange ours = make(method);
        const Bytes good = make(method, 2).public_value();
        ASSERT_TRUE(ours.derive(good));
        test::SeededRandom random{3};
        for (int i = 0; i < 50; ++i) {
            Bytes wrong = good;
            // Low bits, so that the coordinate stays below p.
            wrong[random.chance(50) ? wrong.size() - 1 : wrong.size() / 2 - 1] ^=
                static_cast<std::uint8_t>(1 + random.below(255));
            expect_refused(ours, wrong, "on the curve");
        }
        // (x, 0) and (0, y) with a y that is not the root.
        Bytes y_zero = good;
        std::fill(y_zero.begin() + static_cast<std::ptrdiff_t>(good.size() / 2), y_zero.end(),
                  std::uint8_t{0});
        expect_refused(ours, y_zero, "on the curve");
    }
}

TEST(AbuseK03, PointAtInfinity) {
    for (const auto method : ecp) {
        SCOPED_TRACE(static_cast<int>(method));
        const KeyExchange ours = make(method);
        // Infinity has no affine form; what programs take for it is (0, 0), and SEC 1 writes 00.
        expect_refused(ours, Bytes(KeyExchange::public_size(method), 0), "on the curve");
        expect_refused(ours, Bytes{0}, "octets");
    }
}

TEST(AbuseK03, CoordinatesNotBelowThePrime) {
    for (const auto method : ecp) {
        SCOPED_TRACE(static_cast<int>(method));
        const KeyExchange ours = make(method);
        const Bytes good = make(method, 2).public_value();
        const auto half = static_cast<std::ptrdiff_t>(good.size() / 2);
        Bytes x_big = good;
        std::fill(x_big.begin(), x_big.begin() + half, std::uint8_t{0xff});
        expect_refused(ours, x_big, "less than the prime");
        Bytes y_big = good;
        std::fill(y_big.begin() + half, y_big.end(), std::uint8_t{0xff});
        expect_refused(ours, y_big, "less than the prime");
    }
}

// x + p is x to a careless reduction. P-521 has room for that in its seven unused bits.
TEST(AbuseK03, CoordinateWithThePrimeAdded) {
    const KeyExchange ours = make(KeMethod::ecp521);
    const Bytes good = make(KeMethod::ecp521, 2).public_value();
    Bytes wrong = good;
    // p = 2^521 - 1, so x + p = x + 2^521 - 1.
    for (std::size_t at = 65; at > 0 && wrong.at(at)-- == 0; --at) {}
    wrong[0] = static_cast<std::uint8_t>(wrong[0] + 2);
    expect_refused(ours, wrong, "less than the prime");
}

TEST(AbuseK03, OtherFormsOfAPoint) {
    for (const auto method : ecp) {
        SCOPED_TRACE(static_cast<int>(method));
        const KeyExchange ours = make(method);
        const Bytes good = make(method, 2).public_value();
        const std::size_t half = good.size() / 2;
        Bytes uncompressed = good;
        uncompressed.insert(uncompressed.begin(), 4);
        expect_refused(ours, uncompressed, "octets");
        for (const auto form : std::initializer_list<std::uint8_t>{2, 3}) {
            Bytes compressed = to_bytes(ByteView{good}.first(half));
            compressed.insert(compressed.begin(), form);
            expect_refused(ours, compressed, "octets");
        }
        expect_refused(ours, ByteView{good}.first(half), "octets");  // x alone
    }
}

// K-04: X25519/X448 low-order points. RFC 7748 6, 7.
TEST(AbuseK04, LowOrderPointsOfCurve25519) {
    const KeyExchange ours = make(KeMethod::curve25519);
    // 0, 1, two of order 8, p-1, p, p+1; then with the top bit, which is ignored.
    constexpr std::array<std::string_view, 7> points{
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"};
    for (const auto point : points) {
        Bytes value = hex(point);
        expect_refused(ours, value, "other than zero");
        value.back() |= 0x80U;
        expect_refused(ours, value, "other than zero");
    }
    Bytes base(32, 0);
    base.front() = 9;
    EXPECT_TRUE(ours.derive(base));
}

TEST(AbuseK04, LowOrderPointsOfCurve448) {
    const KeyExchange ours = make(KeMethod::curve448);
    Bytes prime(56, 0xff);  // 2^448 - 2^224 - 1, least octet first
    prime[28] = 0xfe;
    Bytes value(56, 0);
    expect_refused(ours, value, "other than zero");
    value.front() = 1;
    expect_refused(ours, value, "other than zero");
    expect_refused(ours, prime, "other than zero");
    value = prime;
    value.front() = 0xfe;  // p - 1
    expect_refused(ours, value, "other than zero");
    value = Bytes(56, 0);
    std::fill(value.begin() + 28, value.end(), std::uint8_t{0xff});  // p + 1
    expect_refused(ours, value, "other than zero");
    Bytes base(56, 0);
    base.front() = 5;
    EXPECT_TRUE(ours.derive(base));
}

// K-05: KE longer or shorter than the group by 1 and by 60,000.
TEST(AbuseK05, ValuesOfAnotherLength) {
    constexpr std::array montgomery{KeMethod::curve25519, KeMethod::curve448};
    const auto try_all = [](const auto& methods) {
        for (const auto method : methods) {
            SCOPED_TRACE(static_cast<int>(method));
            const KeyExchange ours = make(method);
            const Bytes good = make(method, 2).public_value();
            for (const auto more : std::initializer_list<std::size_t>{1, 60'000}) {
                Bytes longer = good;
                longer.resize(good.size() + more, 0);
                expect_refused(ours, longer, std::to_string(longer.size()) + " octets");
                longer = good;
                longer.insert(longer.begin(), more, 0);  // zeros before it change no number
                expect_refused(ours, longer, std::to_string(longer.size()) + " octets");
            }
            expect_refused(ours, ByteView{good}.first(good.size() - 1),
                           std::to_string(good.size() - 1) + " octets");
            expect_refused(ours, {}, "0 octets");
        }
    };
    try_all(modp);
    try_all(ecp);
    try_all(montgomery);
}

}  // namespace
}  // namespace culvert::crypto
