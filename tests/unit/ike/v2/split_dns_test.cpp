// RFC 8598 3: split DNS by INTERNAL_DNS_DOMAIN, with the example's own addresses and names; and the
// bytes on the wire, from a gateway made by hand.

#include "engine_pair.hpp"
#include "ike/v2/configuration.hpp"

namespace culvert::ike::v2 {
namespace {

using wire::CpAttribute;
using wire::CpAttributeType;
using wire::CpType;

constexpr auto domain = CpAttributeType::internal_dns_domain;
constexpr auto server = CpAttributeType::internal_ip4_dns;

CpAttribute text(std::string_view name) {
    return {.type = domain, .value = to_bytes(as_bytes(name))};
}
CpAttribute address(CpAttributeType type, std::string_view text_of) {
    return {.type = type, .value = to_bytes(ip(text_of).octets())};
}

// What a client does with this CFG_REPLY.
std::optional<NameServers> told(std::vector<CpAttribute> attributes) {
    Config config = gateway_config(1, 2);
    config.connections.front().vips = {IpAddress::any(IpFamily::v4)};
    const auto snapshot = std::make_shared<const Config>(std::move(config));
    test::SeededRandom random{1};
    EngineState state{snapshot, random};
    Actions actions;
    const Environment env{.state = state, .now = {}, .actions = actions};
    SaCore sa;
    sa.connection = find_connection(snapshot, "gw");
    attributes.insert(attributes.begin(),
                      address(CpAttributeType::internal_ip4_address, "198.51.100.234"));
    const Status done = take_address_reply(
        {wire::Configuration{.type = CpType::reply, .attributes = std::move(attributes)}}, sa, env);
    EXPECT_TRUE(done);
    for (const Action& action : actions) {
        if (const auto* use = std::get_if<UseNameServers>(&action)) { return use->what; }
    }
    return std::nullopt;
}

TEST(SplitDns, TheRequestAsksForServersAndDomains) {
    Connection connection;
    connection.vips = {IpAddress::any(IpFamily::v4)};
    const auto request = address_request(connection, {});
    ASSERT_TRUE(request);
    // RFC 8598 3.4.1: CP(CFG_REQUEST) = INTERNAL_IP4_ADDRESS(), INTERNAL_IP4_DNS(),
    // INTERNAL_DNS_DOMAIN()
    const std::vector<CpAttribute> wanted{
        {CpAttributeType::internal_ip4_address, {}}, {server, {}}, {domain, {}}};
    EXPECT_EQ(request->attributes, wanted);
    EXPECT_EQ(std::to_underlying(domain), 25);
}

TEST(SplitDns, ServersAreUsedForTheDomainsOfTheReply) {
    const auto what = told({address(server, "198.51.100.2"), address(server, "198.51.100.4"),
                            text("example.com"), text("city.other.test")});
    ASSERT_TRUE(what);
    EXPECT_EQ(what->servers, (std::vector{ip("198.51.100.2"), ip("198.51.100.4")}));
    EXPECT_EQ(what->domains, (std::vector<std::string>{"example.com", "city.other.test"}));
}

TEST(SplitDns, DomainsWithoutAServerAreIgnored) {  // RFC 8598 3.2
    EXPECT_FALSE(told({text("example.com")}));
}

TEST(SplitDns, WhatIsNoNameNeverReachesTheHost) {
    const auto what = told({address(server, "198.51.100.2"), text(""), text("a\nnameserver b"),
                            text(std::string_view{"nul\0", 4}), text("xn--bcher-kva.example")});
    ASSERT_TRUE(what);
    EXPECT_EQ(what->domains, std::vector<std::string>{"xn--bcher-kva.example"});
}

TEST(SplitDns, TrustAnchorsAreNotTaken) {  // RFC 8598 3.2, 6: only those that the client allows
    const auto what =
        told({address(server, "198.51.100.2"),
              text("example.com"),
              {.type = CpAttributeType{26}, .value = {0x12, 0x34, 8, 2, 1, 2, 3, 4}}});
    ASSERT_TRUE(what);
    EXPECT_EQ(what->domains, std::vector<std::string>{"example.com"});
}

}  // namespace
}  // namespace culvert::ike::v2
