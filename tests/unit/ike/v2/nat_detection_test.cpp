#include "ike/v2/nat_detection.hpp"

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::ike::v2 {
namespace {

const IkeSpi spi_i{0x0102030405060708};
const Endpoint inside{IpAddress::v4(0x0a000001), 500};
const Endpoint outside{IpAddress::v4(0xc0000201), 40000};
const Endpoint server{IpAddress::v4(0xc6336401), 500};

NatSituation seen(const Endpoint& claimed_from, const Endpoint& claimed_to,
                  const Endpoint& arrived_at, const Endpoint& came_from, bool fake = false) {
    test::SeededRandom random{3};
    wire::Payloads payloads;
    add_nat_detection(payloads, spi_i, IkeSpi{}, claimed_from, claimed_to, fake, random);
    return detect_nat(payloads, spi_i, IkeSpi{}, arrived_at, came_from);
}

TEST(NatDetection, FindsNothingOnAStraightPath) {
    const auto nat = seen(inside, server, server, inside);
    EXPECT_TRUE(nat.supported);
    EXPECT_FALSE(nat.any());
}

TEST(NatDetection, FindsThePeerBehindANat) {
    const auto nat = seen(inside, server, server, outside);
    EXPECT_TRUE(nat.remote);
    EXPECT_FALSE(nat.local);
}

TEST(NatDetection, FindsUsBehindANat) {
    const auto nat = seen(inside, outside, server, inside);
    EXPECT_TRUE(nat.local);
    EXPECT_FALSE(nat.remote);
}

TEST(NatDetection, APortIsEnough) {
    EXPECT_TRUE(seen(inside, server, server, {inside.address, 501}).remote);
}

TEST(NatDetection, AForcedEncapsulationLooksLikeANat) {
    const auto nat = seen(inside, server, server, inside, true);
    EXPECT_TRUE(nat.remote);
    EXPECT_FALSE(nat.local);
}

TEST(NatDetection, OneOfSeveralSourcesIsEnough) {  // RFC 7296 2.23
    test::SeededRandom random{3};
    wire::Payloads payloads;
    add_nat_detection(payloads, spi_i, IkeSpi{}, outside, server, false, random);
    add_nat_detection(payloads, spi_i, IkeSpi{}, inside, server, false, random);
    EXPECT_FALSE(detect_nat(payloads, spi_i, IkeSpi{}, server, inside).any());
}

TEST(NatDetection, APeerWithoutItIsNotNated) {
    const auto nat = detect_nat({}, spi_i, IkeSpi{}, server, inside);
    EXPECT_FALSE(nat.supported);
    EXPECT_FALSE(nat.any());
}

}  // namespace
}  // namespace culvert::ike::v2
