// Bundles of certificates and lists (RFC 7296 3.6).

#include "x509/bundle.hpp"

#include <gtest/gtest.h>

#include "bundle_file.hpp"
#include "certificate_files.hpp"

namespace culvert::x509 {
namespace {

Bytes list_der(const std::string& name) { return Crl::parse(file(name + ".crl")).value().der(); }

TEST(Bundles, HaveCertificatesAndListsInTheirOrder) {
    NEED_CERTIFICATES();
    const Bytes file =
        bundle_of({bundled_certificate(certificate("g1").der()), bundled_list(list_der("middle")),
                   bundled_certificate(certificate("middle").der())});
    const auto bundle = parse_bundle(file);
    ASSERT_TRUE(bundle) << explain(bundle.error());
    ASSERT_EQ(bundle->certificates.size(), 2U);
    EXPECT_EQ(bundle->certificates.front(), certificate("g1"));
    EXPECT_EQ(bundle->certificates.back(), certificate("middle"));
    ASSERT_EQ(bundle->crls.size(), 1U);
    EXPECT_EQ(bundle->crls.front().der(), list_der("middle"));
    for (std::size_t size = 0; size < file.size(); ++size) {
        EXPECT_FALSE(parse_bundle(ByteView{file}.first(size))) << size;
    }
    Bytes longer = file;
    longer.push_back(0);
    EXPECT_FALSE(parse_bundle(longer));
}

TEST(Bundles, MayBeEmptyAndHoldNothingElse) {
    EXPECT_TRUE(parse_bundle(Bytes{0x30, 0x00}));
    EXPECT_FALSE(parse_bundle(Bytes{0x31, 0x00}));
    EXPECT_FALSE(parse_bundle(Bytes{0x30, 0x80, 0x00, 0x00})) << "an indefinite length";
    EXPECT_FALSE(parse_bundle(Bytes{0x30, 0x84, 0x00, 0x00, 0x00, 0x00}));
    EXPECT_FALSE(parse_bundle(bundle_of({der_element(0xa2, Bytes(4, 0))})));
    EXPECT_FALSE(parse_bundle(bundle_of({bundled_certificate(Bytes(4, 0))})));
    EXPECT_FALSE(parse_bundle(bundle_of({bundled_list(Bytes(4, 0))})));
}

}  // namespace
}  // namespace culvert::x509
