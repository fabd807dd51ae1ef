// Virtual addresses between two engines (RFC 7296 2.19, 3.15).

#include "ike/v2/configuration.hpp"

#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

struct Addresses : testing::Test {
    Addresses() : client(gateway_config(1, 2)), server(gateway_config(2, 1)) {
        client.connections.front().vips = {IpAddress::any(IpFamily::v4)};
        client.connections.front().children.front().local_ts = {dynamic_selector()};
        server.connections.front().pools = {"p"};
        server.connections.front().children.front().remote_ts = {dynamic_selector()};
        server.pools = {
            {.name = "p",
             .addresses = *IpRange::parse("10.3.0.1-10.3.0.1"),
             .attributes = {{3, {10, 2, 0, 53}}, {25, to_bytes(as_bytes("corp.example"))}}}};
    }
    EnginePair pair() { return {std::move(client), std::move(server)}; }
    Config client;
    Config server;
};

TEST_F(Addresses, CT_RW_TheClientGetsOneWithSelectorsAndNameServers) {
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one)) << p.one.errors() << p.two.errors();
    const auto installed = p.one.all<InstallVirtualAddress>();
    ASSERT_EQ(installed.size(), 1U);
    EXPECT_EQ(installed.front()->address, ip("10.3.0.1"));
    ASSERT_EQ(p.one.all<InstallChild>().size(), 1U);
    EXPECT_EQ(to_string(p.one.all<InstallChild>().front()->sa.local_ts), "10.3.0.1");
    EXPECT_EQ(to_string(p.two.all<InstallChild>().front()->sa.remote_ts), "10.3.0.1");
    ASSERT_EQ(p.one.all<UseNameServers>().size(), 1U);
    EXPECT_EQ(p.one.all<UseNameServers>().front()->what.servers, std::vector{ip("10.2.0.53")});
    EXPECT_EQ(p.one.all<UseNameServers>().front()->what.domains,
              std::vector<std::string>{"corp.example"});
    EXPECT_EQ(p.one.engine().status(p.now).front().local_vips, std::vector{ip("10.3.0.1")});
    EXPECT_EQ(p.two.engine().status(p.now).front().remote_vips, std::vector{ip("10.3.0.1")});

    p.down(p.one);
    EXPECT_EQ(p.one.all<RemoveVirtualAddress>().size(), 1U);
    EXPECT_EQ(p.one.all<ForgetNameServers>().size(), 1U);
    // The only address of the pool is free again.
    EXPECT_TRUE(p.up(p.one)) << p.one.errors() << p.two.errors();
}

TEST_F(Addresses, TheyStayOverARekeyOfTheIkeSa) {
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one));
    p.feed(p.one, Rekey{.id = CommandId{77}, .ike = "gw"});
    ASSERT_TRUE(p.one.ended(77).value());
    EXPECT_TRUE(p.one.all<RemoveVirtualAddress>().empty());
    EXPECT_EQ(p.two.engine().status(p.now).front().remote_vips, std::vector{ip("10.3.0.1")});
    p.down(p.two);
    EXPECT_EQ(p.one.all<RemoveVirtualAddress>().size(), 1U);
}

TEST_F(Addresses, CT_RW_AnIkeSaWithoutChildHasItsAddressToo) {  // RFC 6023 3
    client.connections.front().childless = Childless::prefer;
    EnginePair p = pair();
    ASSERT_TRUE(p.up(p.one)) << p.one.errors() << p.two.errors();
    EXPECT_EQ(p.one.engine().status(p.now).front().local_vips, std::vector{ip("10.3.0.1")});
    ASSERT_EQ(p.two.all<InstallChild>().size(), 1U);
    EXPECT_EQ(to_string(p.two.all<InstallChild>().front()->sa.remote_ts), "10.3.0.1");
}

TEST_F(Addresses, APeerWithoutPoolsRefusesTheChildAndBothSay) {
    server.connections.front().pools.clear();
    EnginePair p = pair();
    const Status status = p.up(p.one);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::internal_address_failure);
    EXPECT_NE(p.two.errors().find("has no pools"), std::string::npos) << p.two.errors();
    EXPECT_TRUE(p.two.all<InstallChild>().empty());
}

TEST_F(Addresses, AnEmptyPoolRefusesTheChild) {
    server.pools.front().addresses = *IpRange::parse("fd00::1");  // none of the family
    EnginePair p = pair();
    const Status status = p.up(p.one);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::internal_address_failure);
    EXPECT_NE(p.two.errors().find("all addresses in use"), std::string::npos) << p.two.errors();
}

TEST_F(Addresses, WhoMustAskAndDoesNotIsTold) {
    client.connections.front().vips.clear();
    EnginePair p = pair();
    const Status status = p.up(p.one);
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, ErrorCode::failed_cp_required);
}

// T-03: nor is the address from outside a way around the pool later on.
TEST_F(Addresses, WhoHasNoneGetsNoChildWithAnother) {
    client.connections.front().vips.clear();
    client.connections.front().childless = Childless::force;
    EnginePair p = pair();
    EXPECT_FALSE(p.up(p.one));
    EXPECT_NE(p.one.errors().find("FAILED_CP_REQUIRED"), std::string::npos) << p.one.errors();
    EXPECT_TRUE(p.two.all<InstallChild>().empty());
}

// RFC 7296 2.4: a client that has lost everything, whose address was the only one.
TEST_F(Addresses, InitialContactFreesWhatTheOldIkeSaHad) {
    EnginePair p = pair();
    Config config = gateway_config(1, 2);
    config.connections.front().vips = {IpAddress::any(IpFamily::v4)};
    config.connections.front().children.front().local_ts = {dynamic_selector()};
    ASSERT_TRUE(p.up(p.one)) << p.one.errors() << p.two.errors();
    p.one.restart(std::move(config));
    p.pass(std::chrono::seconds{1});
    EXPECT_TRUE(p.up(p.one)) << p.one.errors() << p.two.errors();
    EXPECT_EQ(p.one.engine().status(p.now).front().local_vips, std::vector{ip("10.3.0.1")});
}

TEST(DomainName, OnlyWhatTheDnsTakes) {
    EXPECT_TRUE(is_domain_name("corp.example"));
    EXPECT_TRUE(is_domain_name("a"));
    EXPECT_FALSE(is_domain_name(""));
    EXPECT_FALSE(is_domain_name(".example"));
    EXPECT_FALSE(is_domain_name("a..b"));
    EXPECT_FALSE(is_domain_name("a b"));
    EXPECT_FALSE(is_domain_name("$(reboot).example"));
    EXPECT_FALSE(is_domain_name(std::string(64, 'a')));
}

}  // namespace
}  // namespace culvert::ike::v2
