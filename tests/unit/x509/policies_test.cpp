// Which policies hold for a certificate (RFC 5280 6.1.3 (d) to (f), 6.1.5). Where the openssl
// program judges the same chain, it must agree.

#include "x509/policies.hpp"

#include <cstdlib>

#include <gtest/gtest.h>

#include "certificate_files.hpp"

namespace culvert::x509 {
namespace {

constexpr const char* policy = "1.3.6.1.4.1.99.1";

struct Policies : testing::Test {
    void SetUp() override { NEED_LISTS(); }
    static Status check(const std::string& leaf, const std::string& between,
                        const std::vector<std::string>& wanted) {
        const Status done =
            check_policies({certificate(leaf), certificate(between), certificate("law")}, wanted);
        const auto at = [](const std::string& name) {
            return (CertificateFiles::place() / (name + ".crt")).string();
        };
        std::string command =
            "openssl verify -policy_check -CAfile " + at("law") + " -untrusted " + at(between);
        command += wanted.empty() ? " -policy 2.5.29.32.0" : " -explicit_policy";
        for (const std::string& one : wanted) { command += " -policy " + one; }
        command += " " + at(leaf) + " >/dev/null 2>&1";
        EXPECT_EQ(std::system(command.c_str()) == 0, done.has_value()) << command;
        return done;
    }
};

TEST_F(Policies, AnAuthorityGivesOnlyWhatItHas) {
    EXPECT_TRUE(check("of-entitled", "entitled", {policy}));
    EXPECT_TRUE(check("of-any", "any", {policy})) << "one with anyPolicy has all";
    for (const std::string one : {"usurper", "other-policy"}) {
        const Status done = check("of-" + one, one, {policy});
        ASSERT_FALSE(done) << one;
        EXPECT_EQ(done.error().wanted, policy);
        EXPECT_NE(done.error().received.find("CN=of-" + one), std::string::npos);
    }
    EXPECT_TRUE(check("of-usurper", "usurper", {})) << "nobody asks";
}

TEST_F(Policies, AllThatAreWantedMustHold) {
    EXPECT_FALSE(check("plain", "asks", {policy}));
    const std::vector<Certificate> chain{certificate("of-entitled"), certificate("entitled"),
                                         certificate("law")};
    EXPECT_FALSE(check_policies(chain, {policy, "1.3.6.1.4.1.99.9"}));
    EXPECT_FALSE(check_policies(chain, {"no oid"}));
}

TEST_F(Policies, MappingsAreFollowed) {
    EXPECT_TRUE(check("renamed", "mapper", {policy}));
    EXPECT_FALSE(check("of-mapper", "mapper", {policy})) << "below it that is another policy";
}

TEST_F(Policies, WhatAnAuthorityAsksForIsAskedOfAll) {
    EXPECT_TRUE(check("of-asks", "asks", {}));
    const Status done = check("plain", "asks", {});
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().received.find("asks for one"), std::string::npos);
    EXPECT_FALSE(check("all-policies", "no-any", {policy})) << "inhibitAnyPolicy";
}

TEST_F(Policies, OneThatIsTrustedAsItIsSpeaksForItself) {
    EXPECT_TRUE(check_policies({certificate("of-usurper")}, {policy}));
    EXPECT_FALSE(check_policies({certificate("plain")}, {policy}));
    EXPECT_TRUE(check_policies({certificate("plain")}, {}));
}

}  // namespace
}  // namespace culvert::x509
