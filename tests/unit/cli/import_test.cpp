#include <fstream>

#include <gtest/gtest.h>

#include "cli/commands.hpp"
#include "config/config.hpp"
#include "fake_daemon.hpp"

namespace culvert::cli {
namespace {

constexpr std::string_view conf = R"(version 2.0
config setup
    uniqueids = yes   # a comment
conn %default
    keyexchange=ikev2
    authby=secret
    ike=aes256-sha256-modp2048!
conn base
    left=192.0.2.1
    leftid=@moon.example.org
conn home
    also=base
    right=192.0.2.2
    rightid="sun.example.org"
    leftsubnet=10.1.0.0/16,10.3.0.0/16
    rightsubnet=10.2.0.0/16
    esp=aes256gcm16-modp2048!
    auto=route
    dpdaction=restart
    dpddelay=30s
    keyingtries=%forever
    nonsense=7
conn road
    also=base
    right=%any
    rightsourceip=10.9.0.0/24
)";
constexpr std::string_view secrets = R"(
# who : what
moon.example.org @sun.example.org : PSK "a # in quotes, 32 octets of it.."
: RSA moon.pem
include other
)";

class Import : public testing::Test {
 protected:
    static std::string file(const std::string& name, std::string_view text) {
        const std::string path = testing::TempDir() + name;
        std::ofstream{path} << text;
        return path;
    }
    FakeDaemon daemon;
    Paper paper;
    Context context{.output = paper, .open = daemon.opener()};
};

TEST_F(Import, WhatComesOutIsTheSameConfiguration) {
    ASSERT_EQ(import_ipsec(context, file("ipsec.conf", conf), file("ipsec.secrets", secrets)),
              Exit::ok)
        << paper.errors;
    const config::Loaded loaded = config::load(config::parse_text(paper.printed, "t.conf"));
    std::string problems;
    for (const auto& problem : loaded.problems) { problems += problem.to_string() + "\n"; }
    EXPECT_TRUE(loaded.ok()) << problems << paper.printed;
    ASSERT_EQ(loaded.config.connections.size(), 2U) << paper.printed;
    const ike::Connection& home = loaded.config.connections[0];
    EXPECT_EQ(home.name, "home");
    EXPECT_EQ(home.version, 2);
    EXPECT_EQ(home.local.id.to_string(), "moon.example.org");
    EXPECT_EQ(home.remote.id.to_string(), "sun.example.org");
    EXPECT_EQ(home.dpd_delay.count(), 30);
    EXPECT_EQ(home.keyingtries, 0U);
    ASSERT_EQ(home.children.size(), 1U);
    EXPECT_EQ(home.children[0].local_ts.size(), 2U);
    EXPECT_EQ(home.children[0].start_action, ike::StartAction::trap);
    EXPECT_EQ(home.children[0].dpd_action, ike::StartAction::start);
    EXPECT_EQ(loaded.config.connections[1].pools, std::vector<std::string>{"road"});
    ASSERT_EQ(loaded.config.pools.size(), 1U);
    ASSERT_EQ(loaded.config.secrets.size(), 1U);
    EXPECT_EQ(loaded.config.secrets[0].owners.size(), 2U);
    EXPECT_EQ(as_text(loaded.config.secrets[0].secret.reveal()),
              "a # in quotes, 32 octets of it..");
}

TEST_F(Import, WhatHasNoCounterpartIsNamed) {
    import_ipsec(context, file("ipsec.conf", conf), file("ipsec.secrets", secrets));
    for (const std::string_view part :
         {"# not carried over: nonsense = 7", "# not carried over: config setup: uniqueids = yes",
          "# not carried over: include other", "file = moon.pem"}) {
        EXPECT_NE(paper.printed.find(part), std::string::npos) << part << "\n" << paper.printed;
    }
}

TEST_F(Import, ALineThatIsNothingIsNamedWithItsNumber) {
    EXPECT_EQ(import_ipsec(context, file("bad.conf", "conn a\n    left=1\nnonsense\n"), ""),
              Exit::failed);
    EXPECT_NE(paper.errors.find("bad.conf:3: nonsense"), std::string::npos) << paper.errors;
    EXPECT_EQ(import_ipsec(context, "/nowhere/ipsec.conf", ""), Exit::failed);
}

}  // namespace
}  // namespace culvert::cli
