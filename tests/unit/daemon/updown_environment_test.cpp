#include "daemon/updown_environment.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

ike::IkeSaStatus an_ike() {
    ike::IkeSaStatus out;
    out.unique_id = 7;
    out.local = *Endpoint::parse("192.0.2.1:4500");
    out.remote = *Endpoint::parse("192.0.2.2:4501");
    out.local_id = *ike::Identity::parse("moon");
    out.remote_id = *ike::Identity::parse("sun");
    return out;
}

ike::ChildSaStatus a_child(std::string_view local, std::string_view remote) {
    ike::ChildSaStatus out;
    out.name = "net";
    out.local_ts = {*TrafficSelector::parse(local)};
    out.remote_ts = {*TrafficSelector::parse(remote)};
    return out;
}

bool has(const Environment& environment, std::string_view variable) {
    return std::ranges::find(environment, variable) != environment.end();
}

TEST(Updown, IsToldOfTheTunnel) {
    ike::IkeSaStatus ike = an_ike();
    ike.remote_vips = {*IpAddress::parse("10.9.0.1"), *IpAddress::parse("fd00::1"),
                       *IpAddress::parse("10.9.0.2")};
    ike::ChildSaStatus child = a_child("10.1.0.0/16[tcp/80]", "10.2.0.0/16");
    child.udp_encap = true;
    const auto runs = updown_runs(ike, child, {.hostaccess = true}, {"eth0", ike.remote_vips});
    ASSERT_EQ(runs.size(), 1U);
    for (const std::string_view variable :
         {"PLUTO_VERB=up-client", "PLUTO_CONNECTION=net", "PLUTO_ME=192.0.2.1",
          "PLUTO_PEER=192.0.2.2", "PLUTO_MY_CLIENT=10.1.0.0/16", "PLUTO_MY_PROTOCOL=6",
          "PLUTO_MY_PORT=80", "PLUTO_PEER_PORT=0", "PLUTO_UNIQUEID=7", "PLUTO_UDP_ENC=4501",
          "PLUTO_HOST_ACCESS=1", "PLUTO_PEER_SOURCEIP=10.9.0.1", "PLUTO_PEER_SOURCEIP4_1=10.9.0.1",
          "PLUTO_PEER_SOURCEIP4_2=10.9.0.2", "PLUTO_PEER_SOURCEIP6_1=fd00::1",
          "PLUTO_INTERFACE=eth0", "PLUTO_DNS4_1=10.9.0.1", "PLUTO_DNS4_2=10.9.0.2",
          "PLUTO_DNS6_1=fd00::1"}) {
        EXPECT_TRUE(has(runs[0], variable)) << variable;
    }
    EXPECT_TRUE(has(for_down(runs[0]), "PLUTO_VERB=down-client"));
}

TEST(Updown, RunsOnceForEachPairOfOneFamily) {
    ike::ChildSaStatus child = a_child("10.1.0.0/16", "10.2.0.0/16");
    child.local_ts.push_back(*TrafficSelector::parse("fd01::/64"));
    child.remote_ts.push_back(*TrafficSelector::parse("fd02::/64"));
    const auto runs = updown_runs(an_ike(), child, {}, {});
    ASSERT_EQ(runs.size(), 2U);
    EXPECT_TRUE(has(runs[0], "PLUTO_VERB=up-client"));
    EXPECT_TRUE(has(runs[1], "PLUTO_VERB=up-client-v6"));
}

TEST(Updown, OurOwnAddressIsAHost) {
    const auto runs = updown_runs(an_ike(), a_child("192.0.2.1/32", "10.2.0.0/16"), {}, {});
    EXPECT_TRUE(has(runs.at(0), "PLUTO_VERB=up-host"));
    EXPECT_TRUE(has(runs.at(0), "PLUTO_MY_CLIENT=192.0.2.1/32"));
}

// A range is no subnet; the script gets the smallest one around it.
TEST(Updown, ARangeBecomesASubnet) {
    const auto runs = updown_runs(an_ike(), a_child("10.1.0.5-10.1.0.9", "0.0.0.0/0"), {}, {});
    EXPECT_TRUE(has(runs.at(0), "PLUTO_MY_CLIENT=10.1.0.0/28"));
    EXPECT_TRUE(has(runs.at(0), "PLUTO_PEER_CLIENT=0.0.0.0/0"));
}

// whatever a peer calls itself, of every type of identity, is data to a script.
TEST(Updown, X03WhatAPeerChoseHoldsNothingForAShell) {
    using namespace std::string_view_literals;
    const ByteView hostile = as_bytes("x$(reboot)`id`;\"'|&<>\n\r\0\x1b[2J%n\\!{}~#@example.org"sv);
    for (const ike::IdType type : {ike::IdType::fqdn, ike::IdType::rfc822_addr, ike::IdType::key_id,
                                   ike::IdType::der_asn1_dn, ike::IdType::ipv4_addr}) {
        ike::IkeSaStatus ike = an_ike();
        ike.remote_id = ike::Identity{type, Bytes{hostile.begin(), hostile.end()}};
        ike.local_id = ike.remote_id;
        const auto runs = updown_runs(ike, a_child("10.1.0.0/16", "10.2.0.0/16"), {}, {});
        ASSERT_EQ(runs.size(), 1U);
        for (const std::string& variable : runs.at(0)) {
            EXPECT_EQ(
                variable.find_first_not_of(
                    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@.,:/=+-_ *%"),
                std::string::npos)
                << variable;
        }
        EXPECT_TRUE(std::ranges::any_of(runs.at(0), [](const std::string& variable) {
            return variable.starts_with("PLUTO_PEER_ID=");
        }));
    }
}

TEST(Updown, ACommandIsWords) {
    EXPECT_EQ(words_of("/bin/up  a\tb "), (std::vector<std::string>{"/bin/up", "a", "b"}));
    EXPECT_TRUE(words_of(" ").empty());
}

}  // namespace
}  // namespace culvert::daemon
