#include "plane/demultiplex.hpp"

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

NatTKind kind_of(std::string_view hex) { return kind_of_nat_t(from_hex(hex).value()); }

// RFC 3948 2.2, 2.3, 3.
TEST(Demultiplex, I_09_tells_ike_esp_and_keep_alives_apart) {
    EXPECT_EQ(kind_of("ff"), NatTKind::keep_alive);
    EXPECT_EQ(kind_of("000000000102030405060708"), NatTKind::ike);
    EXPECT_EQ(kind_of("000000010000000100000000"), NatTKind::esp);
    EXPECT_EQ(kind_of("c0ffee0100000001ab"), NatTKind::esp);
}

TEST(Demultiplex, I_09_what_is_too_short_is_junk) {
    EXPECT_EQ(kind_of(""), NatTKind::junk);
    EXPECT_EQ(kind_of("00"), NatTKind::junk);
    EXPECT_EQ(kind_of("fe"), NatTKind::junk);
    EXPECT_EQ(kind_of("ffff"), NatTKind::junk);
    EXPECT_EQ(kind_of("00000000"), NatTKind::junk);        // the marker and nothing else
    EXPECT_EQ(kind_of("00000000010203"), NatTKind::junk);  // less than any header
    EXPECT_EQ(kind_of("c0ffee01000000"), NatTKind::junk);
}

TEST(Demultiplex, I_09_a_run_of_keep_alive_octets_is_never_ike) {
    for (std::size_t size = 2; size < 64; ++size) {
        EXPECT_NE(kind_of_nat_t(Bytes(size, 0xff)), NatTKind::ike);
        EXPECT_NE(kind_of_nat_t(Bytes(size, 0xff)), NatTKind::keep_alive);
    }
}

}  // namespace
}  // namespace culvert::plane
