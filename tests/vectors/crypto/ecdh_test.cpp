// ECDH against Wycheproof. IKE sends x | y (RFC 5903 7); what a file states in another form is put
// into this one where it can be, and must be refused where it cannot.

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "crypto/key_exchange.hpp"
#include "vectors/crypto/wycheproof.hpp"

namespace culvert::crypto {
namespace {

using test::hex;
using test::Json;

// A file writes integers with or without leading zeros; the group's number decides the length.
Secret private_value(const Json& test) { return Secret::copy_of(hex(test, "private")); }

struct Counts {
    int derived = 0;
    int refused = 0;
    int other_form = 0;
    int total() const { return derived + refused + other_form; }
};

void run_one(KeMethod method, const Json& test, ByteView peer, Counts& counts) {
    const auto exchange = KeyExchange::from_private(method, private_value(test));
    ASSERT_TRUE(exchange) << explain(exchange.error());
    const auto shared = exchange->derive(peer);
    if (!shared) {
        EXPECT_NE(test::verdict_of(test), test::Verdict::valid) << explain(shared.error());
        EXPECT_EQ(shared.error().code, ErrorCode::bad_key_material);
        ++counts.refused;
        return;
    }
    EXPECT_NE(test::verdict_of(test), test::Verdict::invalid);
    EXPECT_EQ(to_hex(shared->reveal()), test.at("shared").get<std::string>());
    ++counts.derived;
}

// The point as octets (SEC 1 2.3.3): 04 | x | y goes without its first octet; compressed forms and
// the point at infinity go as they are.
void run_points(std::string_view path, KeMethod method) {
    CULVERT_SHARED_JSON(file, path);
    Counts counts;
    test::for_each_test(file, [&](const Json&, const Json& test) {
        const Bytes point = hex(test, "public");
        const bool uncompressed = !point.empty() && point.front() == 4;
        run_one(method, test, ByteView{point}.subspan(uncompressed ? 1 : 0), counts);
    });
    EXPECT_GT(counts.derived, 300);
    EXPECT_GE(counts.refused, 18);
    EXPECT_EQ(counts.total(), file.at("numberOfTests").get<int>());
}

// The point in a SubjectPublicKeyInfo: where that names the curve in the one right way, x | y is
// cut out of it; the rest are faults of an encoding that IKE does not have.
void run_subject_public_keys(std::string_view path, KeMethod method) {
    CULVERT_SHARED_JSON(file, path);
    const Bytes normal = hex(file.at("testGroups").at(0).at("tests").at(0), "public");
    const std::size_t size = KeyExchange::public_size(method);
    const ByteView prefix = ByteView{normal}.first(normal.size() - size);
    Counts counts;
    test::for_each_test(file, [&](const Json&, const Json& test) {
        const Bytes key = hex(test, "public");
        if (key.size() != normal.size() ||
            !std::ranges::equal(ByteView{key}.first(prefix.size()), prefix)) {
            EXPECT_NE(test::verdict_of(test), test::Verdict::valid);
            ++counts.other_form;
            return;
        }
        run_one(method, test, ByteView{key}.last(size), counts);
    });
    EXPECT_GT(counts.derived, 500);
    EXPECT_GE(counts.refused, 16);
    EXPECT_EQ(counts.total(), file.at("numberOfTests").get<int>());
}

TEST(EcdhWycheproof, Ecp256) {
    run_points("vectors/wycheproof/ecdh_secp256r1_ecpoint_test.json", KeMethod::ecp256);
}
TEST(EcdhWycheproof, Ecp384) {
    run_points("vectors/wycheproof/ecdh_secp384r1_ecpoint_test.json", KeMethod::ecp384);
}
TEST(EcdhWycheproof, Ecp521) {
    run_points("vectors/wycheproof/ecdh_secp521r1_ecpoint_test.json", KeMethod::ecp521);
}
TEST(EcdhWycheproof, Brainpool256) {
    run_subject_public_keys("vectors/wycheproof/ecdh_brainpoolP256r1_test.json",
                            KeMethod::ecp256bp);
}
TEST(EcdhWycheproof, Brainpool384) {
    run_subject_public_keys("vectors/wycheproof/ecdh_brainpoolP384r1_test.json",
                            KeMethod::ecp384bp);
}
TEST(EcdhWycheproof, Brainpool512) {
    run_subject_public_keys("vectors/wycheproof/ecdh_brainpoolP512r1_test.json",
                            KeMethod::ecp512bp);
}

// The generator, from the file's own parameters: private value 1 has it as its public value, and
// n - 1 its mirror image, so curve and order are those of the list.
TEST(EcdhWycheproof, CurveParameters) {
    CULVERT_SHARED_JSON(file, "vectors/wycheproof/ec_prime_order_curves_test.json");
    const std::map<std::string, KeMethod> methods{
        {"secp256r1", KeMethod::ecp256},         {"secp384r1", KeMethod::ecp384},
        {"secp521r1", KeMethod::ecp521},         {"brainpoolP256r1", KeMethod::ecp256bp},
        {"brainpoolP384r1", KeMethod::ecp384bp}, {"brainpoolP512r1", KeMethod::ecp512bp}};
    int run = 0;
    test::for_each_test(file, [&](const Json&, const Json& test) {
        const auto found = methods.find(test.at("name"));
        if (found == methods.end()) { return; }
        const auto one = KeyExchange::from_private(found->second, Secret::copy_of(Bytes{1}));
        ASSERT_TRUE(one);
        const std::size_t size = KeyExchange::public_size(found->second) / 2;
        const auto coordinate = [&](std::string_view key) {
            Bytes octets = hex(test, key);
            if (octets.size() > size) { octets.erase(octets.begin()); }  // sign octet
            octets.insert(octets.begin(), size - octets.size(), 0);
            return octets;
        };
        Bytes generator = coordinate("gx");
        append(generator, coordinate("gy"));
        EXPECT_EQ(to_hex(one->public_value()), to_hex(generator));

        Bytes order = hex(test, "n");
        EXPECT_FALSE(KeyExchange::from_private(found->second, Secret::copy_of(order)));
        order.back() -= 1;  // n is odd
        const auto last = KeyExchange::from_private(found->second, Secret::copy_of(order));
        ASSERT_TRUE(last);
        EXPECT_EQ(to_hex(ByteView{last->public_value()}.first(size)),
                  to_hex(ByteView{generator}.first(size)));
        EXPECT_NE(last->public_value(), generator);
        ++run;
    });
    EXPECT_EQ(run, 6);
}

}  // namespace
}  // namespace culvert::crypto
