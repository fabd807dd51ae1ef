#pragma once
// Two engines that know each other by certificates, and their calendar.

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "certificate_files.hpp"
#include "engine_pair.hpp"
#include "ike/own_certificates.hpp"

namespace culvert::ike::v2 {

using x509::certificate;

inline x509::Time today() {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

inline std::shared_ptr<const crypto::PrivateKey> private_key(const std::string& name) {
    return std::make_shared<const crypto::PrivateKey>(
        crypto::PrivateKey::parse(x509::file(name + ".key")).value());
}

struct CertificateAuth : testing::Test {
    void SetUp() override {
        NEED_CERTIFICATES();
        one = gateway_config(1, 2);
        two = gateway_config(2, 1);
        for (Config* config : {&one, &two}) {
            config->secrets.clear();
            Connection& gw = config->connections.front();
            gw.local.method = AuthMethodKind::pubkey;
            gw.remote.method = AuthMethodKind::pubkey;
        }
        known_one = {.authorities = {certificate("root")},
                     .certificates = {certificate("g1"), certificate("middle")},
                     .keys = {private_key("g1")}};
        known_two = {.authorities = {certificate("root")},
                     .certificates = {certificate("g2")},
                     .keys = {private_key("g2")}};
    }
    Connection& first() { return one.connections.front(); }
    Connection& second() { return two.connections.front(); }

    Status up() {
        for (const auto& [config, known] :
             {std::pair{&one, &known_one}, std::pair{&two, &known_two}}) {
            for (Connection& connection : config->connections) { bind(connection, *known); }
            config->credentials = std::make_shared<const CredentialSet>(*known);
        }
        pair.emplace(std::move(one), std::move(two));
        for (Side* side : {&pair->one, &pair->two}) {
            side->engine().use_calendar([this](Instant) { return today() + later; });
            side->engine().use_fetches();
        }
        return pair->up(pair->one);
    }
    // The responder refuses, and says so.
    void refused(std::string_view why) {
        EXPECT_FALSE(up());
        EXPECT_NE(pair->two.errors().find(why), std::string::npos) << pair->two.errors();
        EXPECT_NE(pair->two.errors().find("To fix it"), std::string::npos) << pair->two.errors();
        EXPECT_NE(pair->one.errors().find("AUTHENTICATION_FAILED"), std::string::npos)
            << pair->one.errors();
        EXPECT_TRUE(pair->one.all<InstallChild>().empty());
        EXPECT_TRUE(pair->two.all<InstallChild>().empty());
    }

    Config one;
    Config two;
    CredentialSet known_one;
    CredentialSet known_two;
    std::chrono::seconds later{0};
    std::optional<EnginePair> pair;
};

}  // namespace culvert::ike::v2
