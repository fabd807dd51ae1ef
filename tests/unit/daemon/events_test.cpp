// What VICI's events say, in the keys of strongSwan.

#include "daemon/events.hpp"

#include <memory>

#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

Endpoint endpoint(const char* address, std::uint16_t port) {
    return {*IpAddress::parse(address), port};
}

TEST(ViciEvents, AnUpdateHasTheNewEndpointsBesideTheSaWithTheOldOnes) {
    ike::IkeSaStatus status;
    status.connection = "gw";
    status.local = endpoint("192.0.2.1", 500);
    status.remote = endpoint("192.0.2.2", 500);
    ike::Event event{.kind = ike::EventKind::ike_updated};
    event.old_ike = std::make_shared<ike::IkeSaStatus>(status);
    status.local = endpoint("198.51.100.1", 4500);
    event.ike = std::make_shared<ike::IkeSaStatus>(status);
    const auto events = vici_events(event, Moment{});
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].name, "ike-update");
    const vici::Message& said = events[0].message;
    EXPECT_EQ(said.value_or("local-host", ""), "198.51.100.1");
    EXPECT_EQ(said.value_or("local-port", ""), "4500");
    EXPECT_EQ(said.value_or("remote-host", ""), "192.0.2.2");
    const vici::Section* sa = said.section("gw");
    ASSERT_NE(sa, nullptr);
    EXPECT_EQ(sa->value_or("local-host", ""), "192.0.2.1");
    EXPECT_EQ(sa->value_or("local-port", ""), "500");
}

}  // namespace
}  // namespace culvert::daemon
