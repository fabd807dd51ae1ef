#pragma once
// Finds what was loaded, by name.

#include <algorithm>
#include <string_view>

#include <gtest/gtest.h>

#include "config/config.hpp"

namespace culvert::config {

inline const ike::Connection& connection(const Loaded& loaded, std::string_view name) {
    const auto found = std::ranges::find(loaded.config.connections, name, &ike::Connection::name);
    EXPECT_NE(found, loaded.config.connections.end()) << name;
    return *found;
}

inline const ike::ChildConfig& child(const ike::Connection& connection, std::string_view name) {
    const auto found = std::ranges::find(connection.children, name, &ike::ChildConfig::name);
    EXPECT_NE(found, connection.children.end()) << name;
    return *found;
}

}  // namespace culvert::config
