// Policies without an SA, as the configuration, people and the host's addresses want them.

#include "daemon/gateway.hpp"

#include <algorithm>
#include <memory>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

// Keeps the policies that it is given, by name as the real ones do.
class PolicyPlane final : public plane::Plane {
 public:
    Status start(plane::PlaneEvents&) override { return {}; }
    std::vector<int> ike_descriptors() const override { return {}; }
    void read_ike(int) override {}
    void send_ike(plane::IkeDatagram) override {}
    void send_keepalive(Endpoint, Endpoint) override {}
    std::uint16_t ike_port() const override { return 500; }
    std::uint16_t nat_t_port() const override { return 4500; }
    std::optional<IpAddress> source_for(const IpAddress&) override { return own; }
    bool is_local_address(const IpAddress& address) override { return own == address; }
    Status listen_tcp(bool) override { return {}; }
    void open_stream(StreamId, Endpoint, Endpoint) override {}
    void keep_stream(StreamId) override {}
    void close_stream(StreamId) override {}
    Status install(ChildSa) override { return {}; }
    void stop_sending(ChildSaId) override {}
    void remove(ChildSaId) override {}
    void retire(ChildSaId) override {}
    Status update_endpoints(ChildSaId, Endpoint, Endpoint, bool, StreamId) override { return {}; }
    Status add_policy(const Policy& policy) override {
        policies.erase(policy.name);
        if (refuses) {
            return std::unexpected(Error{.code = ErrorCode::system, .wanted = "a route"});
        }
        policies[policy.name] = policy;
        return {};
    }
    void remove_policy(const std::string&, const std::string& name) override {
        ++removed;
        policies.erase(name);
    }
    std::optional<ChildSaCounters> counters(ChildSaId) override { return {}; }
    std::map<std::string, std::uint64_t> statistics() override { return {}; }
    std::string description() override { return "policies"; }

    std::optional<IpAddress> own = ip("192.0.2.1");
    int removed = 0;
    bool refuses = false;
    std::map<std::string, Policy> policies;
};

ike::Connection a_connection(ike::StartAction start, bool dynamic) {
    ike::Connection out;
    out.name = "home";
    out.remote_addrs.push_back(
        {.text = "198.51.100.1", .ranges = {{ip("198.51.100.1"), ip("198.51.100.1")}}});
    ike::ChildConfig child;
    child.name = "net";
    child.start_action = start;
    child.local_ts = {{.dynamic = dynamic, .selector = *TrafficSelector::parse("10.1.0.0/16")}};
    child.remote_ts = {{.dynamic = false, .selector = *TrafficSelector::parse("10.2.0.0/16")}};
    out.children.push_back(std::move(child));
    return out;
}

class GatewayPolicies : public testing::Test {
 protected:
    void load(ike::StartAction start, bool dynamic = false) {
        gateway.store().put(a_connection(start, dynamic));
        gateway.apply();
    }
    // Lets posted tasks and timers run.
    void wait(Duration time) {
        Timer end{loop, [this] { loop.stop(); }};
        end.set_in(time);
        loop.run({});
    }
    std::string local_ts() const {
        const auto found = plane.policies.find("net");
        return found == plane.policies.end() ? "" : to_string(found->second.local_ts);
    }

    Loop loop;
    std::unique_ptr<Log> log = Log::open({}, true).value();
    PolicyPlane plane;
    Resolver resolver{loop};
    std::vector<ike::Event> events;
    EngineHost host{
        loop, plane, std::make_shared<ike::Config>(), 1, {.event = [this](const ike::Event& event) {
            events.push_back(event);
        }}};
    Gateway gateway{loop, *log, host, resolver};
};

TEST_F(GatewayPolicies, ThereIsNoneWithoutAChild) {
    load(ike::StartAction::none);
    for (const char* connection : {"home", ""}) {
        const Status done = gateway.install_policy(connection, "");
        ASSERT_FALSE(done);
        EXPECT_EQ(done.error().code, ErrorCode::not_found);
    }
}

// The trap of an address that the host had takes nothing away from its successor.
TEST_F(GatewayPolicies, OneIsReplacedByName) {
    load(ike::StartAction::trap, true);
    EXPECT_EQ(local_ts(), "192.0.2.1");
    plane.own = ip("192.0.2.9");
    ASSERT_TRUE(gateway.install_policy("home", "net"));
    EXPECT_EQ(local_ts(), "192.0.2.9");
    EXPECT_EQ(gateway.policies().size(), 1U);
    gateway.follow_addresses();
    wait(policy_settle + 100ms);
    EXPECT_EQ(local_ts(), "192.0.2.9");
}

TEST_F(GatewayPolicies, DynamicOnesFollowTheHostsAddresses) {
    load(ike::StartAction::trap, true);
    plane.own = ip("192.0.2.9");
    gateway.follow_addresses();
    wait(policy_settle + 100ms);
    EXPECT_EQ(local_ts(), "192.0.2.9");
}

// Between two addresses there is none, and still nothing may leave in clear.
TEST_F(GatewayPolicies, ADynamicOneStaysWhileTheHostHasNoAddress) {
    load(ike::StartAction::trap, true);
    plane.own.reset();
    gateway.follow_addresses();
    Timer back{loop, [&] {
                   EXPECT_EQ(local_ts(), "192.0.2.1");
                   plane.own = ip("192.0.2.9");
                   gateway.follow_addresses();
               }};
    back.set_in(policy_settle + 100ms);
    wait(2 * policy_settle + 300ms);
    EXPECT_EQ(local_ts(), "192.0.2.9");
    EXPECT_EQ(plane.removed, 0);
}

TEST_F(GatewayPolicies, WhatWasDoneByHandEndsWithTheChildAndWithItsStartAction) {
    load(ike::StartAction::trap);
    ASSERT_TRUE(gateway.uninstall_policy("home", "net"));
    gateway.apply();
    EXPECT_EQ(local_ts(), "");
    load(ike::StartAction::none);
    load(ike::StartAction::trap);
    EXPECT_EQ(local_ts(), "10.1.0.0/16");
    ASSERT_TRUE(gateway.uninstall_policy("home", "net"));
    gateway.store().remove("home");
    gateway.apply();
    load(ike::StartAction::trap);
    EXPECT_EQ(local_ts(), "10.1.0.0/16");
    ASSERT_TRUE(gateway.install_policy("home", "net"));
    gateway.store().remove("home");
    gateway.apply();
    load(ike::StartAction::none);
    EXPECT_EQ(local_ts(), "");
}

// A number that was chosen for one child, and is another's by its configuration afterwards.
TEST_F(GatewayPolicies, AReqidThatTwoHaveIsToldOf) {
    load(ike::StartAction::trap);
    const ReqId chosen = host.engines().reqid_of("home", "net");
    ike::Connection other = a_connection(ike::StartAction::none, false);
    other.name = "office";
    other.children[0].reqid = chosen.value();
    gateway.store().put(std::move(other));
    gateway.apply();
    const auto told = std::ranges::count_if(log->recent(), [&](const LogRecord& record) {
        return record.text.starts_with(
            fmt::format("reqid = {} of office/net is that of home/net", chosen.value()));
    });
    EXPECT_EQ(told, 1);
}

TEST_F(GatewayPolicies, OneThatWasRefusedIsKnownToldOnceAndTriedAgain) {
    plane.refuses = true;
    load(ike::StartAction::trap);
    ASSERT_NE(gateway.policy_problem("home", "net"), nullptr);
    EXPECT_NE(gateway.policy_problem("home", "net")->find("a route"), std::string::npos);
    const std::size_t told = events.size();
    EXPECT_EQ(told, 1U);
    gateway.follow_addresses();
    Timer mended{loop, [&] {
                     EXPECT_EQ(events.size(), told);
                     plane.refuses = false;
                     gateway.follow_addresses();
                 }};
    mended.set_in(policy_settle + 100ms);
    wait(2 * policy_settle + 300ms);
    EXPECT_EQ(local_ts(), "10.1.0.0/16");
    EXPECT_EQ(gateway.policy_problem("home", "net"), nullptr);
}

}  // namespace
}  // namespace culvert::daemon
