// Updown scripts: each Child SA's own end follows its beginning.

#include "daemon/updown.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include <gtest/gtest.h>

#include "support/scratch.hpp"

namespace culvert::daemon {
namespace {

std::string contents(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

ike::ChildSaStatus a_child(std::uint32_t id, std::string_view remote) {
    ike::ChildSaStatus out;
    out.name = "net";
    out.unique_id = id;
    out.local_ts = {*TrafficSelector::parse("10.1.0.0/16")};
    out.remote_ts = {*TrafficSelector::parse(remote)};
    return out;
}

// Some peers make a Child SA for each pair of subnets of one child.
TEST(UpdownScripts, TheEndIsToldOfTheSelectorsThatEnd) {
    const std::string script = test::scratch("updown.sh");
    const std::string told = test::scratch("updown.txt");
    std::ofstream{script} << "#!/bin/sh\necho $PLUTO_VERB $PLUTO_PEER_CLIENT >>" << told << "\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    ike::Config config;
    config.connections.emplace_back().name = "home";
    config.connections[0].children.emplace_back().name = "net";
    config.connections[0].children[0].updown = script;

    Loop loop;
    auto log = Log::open({}, true).value();
    Updown updown{loop, *log, [](const std::string&) { return std::vector<IpAddress>{}; }};
    const auto say = [&](ike::EventKind kind, std::uint32_t id,
                         const std::vector<ike::ChildSaStatus>& children) {
        ike::IkeSaStatus sa;
        sa.connection = "home";
        sa.unique_id = 7;
        sa.local = *Endpoint::parse("192.0.2.1:4500");
        sa.remote = *Endpoint::parse("192.0.2.2:4500");
        sa.children = children;
        ike::Event event{.kind = kind, .connection = "home", .child = "net"};
        event.ike_unique_id = 7;
        event.child_unique_id = id;
        event.ike = std::make_shared<ike::IkeSaStatus>(sa);
        updown.on_event(event, config);
    };
    const auto one = a_child(1, "10.2.0.0/16");
    const auto two = a_child(2, "10.3.0.0/16");
    say(ike::EventKind::child_up, 1, {one});
    say(ike::EventKind::child_up, 2, {one, two});
    say(ike::EventKind::child_down, 2, {one, two});
    say(ike::EventKind::child_down, 1, {one});
    updown.finish(Loop::now() + std::chrono::seconds{20});
    EXPECT_EQ(contents(told),
              "up-client 10.2.0.0/16\nup-client 10.3.0.0/16\n"
              "down-client 10.3.0.0/16\ndown-client 10.2.0.0/16\n");
}

}  // namespace
}  // namespace culvert::daemon
