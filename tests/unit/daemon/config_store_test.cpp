// What comes from the file and what by VICI, when both change.

#include "daemon/config_store.hpp"

#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

ike::Connection a_connection(const std::string& name, std::chrono::seconds dpd_delay = {}) {
    ike::Connection out;
    out.name = name;
    out.dpd_delay = dpd_delay;
    return out;
}

ike::SharedSecret a_secret(const std::string& name, std::string_view words) {
    ike::SharedSecret out;
    out.name = name;
    out.secret = Secret::copy_of(as_bytes(words));
    return out;
}

ike::Config a_file(const std::vector<std::string>& names) {
    ike::Config out;
    for (const std::string& name : names) {
        out.connections.push_back(a_connection(name));
        out.secrets.push_back(a_secret("ike-" + name, "of " + name));
    }
    return out;
}

// swanctl --load-all loads what the file has, and clears the secrets before.
TEST(ConfigStore, WhatViciLoadsAsTheFileHasItGoesWithTheFile) {
    ConfigStore store;
    store.replace_file(a_file({"a", "b"}));
    store.clear_secrets();
    store.put(a_secret("ike-a", "of a"));
    store.put(a_secret("ike-b", "of b"));
    store.put(a_connection("a"));
    store.put(a_connection("b"));
    EXPECT_TRUE(store.by_vici_alone().empty());
    store.replace_file(a_file({"a"}));
    EXPECT_EQ(store.connection_names(), std::vector<std::string>{"a"});
    EXPECT_EQ(store.secret_names(), std::vector<std::string>{"ike-a"});
}

TEST(ConfigStore, WhatViciLoadsOtherwiseStaysAndIsNamed) {
    ConfigStore store;
    store.replace_file(a_file({"a"}));
    store.put(a_connection("a", std::chrono::seconds{5}));
    store.put(a_connection("c"));
    store.put(a_secret("ike-a", "another"));
    EXPECT_EQ(store.by_vici_alone(),
              (std::vector<std::string>{"connection a", "connection c", "secret ike-a"}));
    store.replace_file({});
    EXPECT_EQ(store.connection_names(), (std::vector<std::string>{"a", "c"}));
}

TEST(ConfigStore, PortsStayThoseOfTheSockets) {
    ConfigStore store;
    ike::EngineSettings settings;
    settings.port = 501;
    settings.port_nat_t = 4501;
    store.set_settings(settings);
    settings.port = 502;
    settings.port_nat_t = 4502;
    settings.initiator_only = true;
    store.set_settings(settings);
    ike::Config file;
    file.settings = settings;
    ConfigStore copy = store.copy();
    copy.replace_file(std::move(file));
    for (const ConfigStore* one : {&store, &copy}) {
        EXPECT_EQ(one->settings().port, 501);
        EXPECT_EQ(one->settings().port_nat_t, 4501);
        EXPECT_TRUE(one->settings().initiator_only);
    }
}

}  // namespace
}  // namespace culvert::daemon
