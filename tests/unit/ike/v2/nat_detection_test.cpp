#include "ike/v2/nat_detection.hpp"

#include <gtest/gtest.h>

#include "engine_pair.hpp"
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

// `encap = yes` makes the peer take us for NATed; a NAT that is there is still one, whose mapping
// has to be kept.
TEST(NatDetection, ForcedEncapsulationHidesNoRealNat) {
    Connection connection;
    connection.encap = true;
    const auto of = [&](bool local, bool remote) {
        return settled({.supported = true, .local = local, .remote = remote}, connection, false);
    };
    EXPECT_TRUE(of(false, false).fake);
    EXPECT_TRUE(of(false, true).fake);
    EXPECT_TRUE(of(false, true).remote);
    EXPECT_FALSE(of(true, false).fake);
    for (const bool local : {false, true}) { EXPECT_TRUE(of(local, false).local); }
}

// The child's last word on how its packets go, at both ends.
std::string how_they_go(const std::function<void(Connection&, Connection&)>& change,
                        bool second_prefers = true) {
    Config first = gateway_config(1, 2);
    Config second = gateway_config(2, 1);
    second.settings.prefers_udp = second_prefers;
    change(first.connections.front(), second.connections.front());
    EnginePair pair{std::move(first), std::move(second)};
    if (const Status up = pair.up(pair.one); !up) { return explain(up.error()); }
    std::string out;
    for (Side* side : {&pair.one, &pair.two}) {
        const auto installed = side->all<InstallChild>();
        if (installed.empty()) { return "nothing"; }
        out += installed.back()->sa.udp_encap ? " udp" : " native";
    }
    return out;
}

TEST(PreferredUdp, NeedsBothEndsAndNoWordAgainst) {
    EXPECT_EQ(how_they_go([](Connection&, Connection&) {}), " udp udp");
    EXPECT_EQ(how_they_go([](Connection&, Connection&) {}, false), " native native");
    EXPECT_EQ(how_they_go([](Connection& one, Connection&) { one.encap = false; }),
              " native native");
    EXPECT_EQ(how_they_go([](Connection&, Connection& two) { two.encap = false; }),
              " native native");
    EXPECT_EQ(how_they_go([](Connection&, Connection& two) { two.encap = true; }), " udp udp");
}

TEST(PreferredUdp, GivesWayToAh) {
    const auto ah = [](Connection& connection) {
        connection.children.front().proposals =
            parse_proposals(ProtocolId::ah, "sha256-x25519").value();
    };
    EXPECT_EQ(how_they_go([&](Connection& one, Connection& two) {
                  ah(one);
                  ah(two);
              }),
              " native native");
}

}  // namespace
}  // namespace culvert::ike::v2
