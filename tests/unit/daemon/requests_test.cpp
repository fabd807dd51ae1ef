// A command that says badly whom it means must not mean everybody.

#include "daemon/requests.hpp"

#include <gtest/gtest.h>

#include "ike/auth/identity.hpp"

namespace culvert::daemon {
namespace {

using vici::Message;

TEST(Selector, NamesWhatTheMessageNames) {
    const auto selector = read_selector(Message{}
                                            .set("ike", "home")
                                            .set("child", "net")
                                            .set("ike-id", "7")
                                            .set("child-id", "4294967295"));
    ASSERT_TRUE(selector);
    EXPECT_EQ(selector->ike, "home");
    EXPECT_EQ(selector->child, "net");
    EXPECT_EQ(selector->ike_id, 7U);
    EXPECT_EQ(selector->child_id, 4294967295U);
    EXPECT_FALSE(selector->none());
    EXPECT_TRUE(read_selector(Message{}.set("timeout", "1"))->none());
}

TEST(Selector, IsRefusedWhereItNamesNothing) {
    for (const std::string_view key : {"ike-id", "child-id"}) {
        for (const std::string_view value :
             {"abc", "", " 1", "1 ", "0x1", "1.0", "4294967296", "4294967297", "-1", "0", "+1",
              "99999999999999999999999999"}) {
            const auto selector = read_selector(Message{}.set(key, value));
            ASSERT_FALSE(selector) << key << " = \"" << value << '"';
            EXPECT_EQ(selector.error().code, ErrorCode::malformed);
            EXPECT_TRUE(selector.error().wanted.contains(key)) << selector.error().wanted;
        }
    }
    for (const std::string_view key : {"ike", "child", "ike-id", "child-id"}) {
        EXPECT_FALSE(read_selector(Message{}.set(key, ""))) << key;
        EXPECT_FALSE(read_selector(Message{}.set(key, vici::List{"home"}))) << key;
        EXPECT_FALSE(read_selector(Message{}.set(key, Message{}.set("a", "b")))) << key;
    }
    // Nor with a good one beside it.
    EXPECT_FALSE(read_selector(Message{}.set("ike", "home").set("child", "")));
    EXPECT_FALSE(read_selector(Message{}.set("ike", "home").set("child-id", "x")));
}

TEST(Switch, TakesTheWordsOfStrongSwanInAnyCase) {
    for (const std::string_view word : {"yes", "true", "enabled", "1", "True", "YES", "Enabled"}) {
        EXPECT_EQ(read_switch(Message{}.set("force", word), "force"), true) << word;
    }
    for (const std::string_view word : {"no", "false", "disabled", "0", "False", "NO"}) {
        EXPECT_EQ(read_switch(Message{}.set("force", word), "force"), false) << word;
    }
    EXPECT_EQ(read_switch(Message{}, "force"), false);
    for (const std::string_view word : {"", "on", "2", "yes ", "y"}) {
        EXPECT_FALSE(read_switch(Message{}.set("force", word), "force")) << word;
    }
    EXPECT_FALSE(read_switch(Message{}.set("force", vici::List{"yes"}), "force"));
}

TEST(Integer, IsWithinItsBounds) {
    const auto timeout = [](std::string_view text) {
        return read_integer(Message{}.set("timeout", text), "timeout", 0, -1, 5000);
    };
    EXPECT_EQ(timeout("-1"), -1);
    EXPECT_EQ(timeout("5000"), 5000);
    EXPECT_EQ(read_integer(Message{}, "timeout", 3, -1, 5000), 3);
    for (const std::string_view wrong : {"5001", "-2", "x", "", "1s"}) {
        EXPECT_FALSE(timeout(wrong)) << wrong;
    }
}

TEST(Redirect, IsOfSomebodyInParticular) {
    const auto with = [](std::string_view key, std::string_view value) {
        return read_redirect(Message{}.set(key, value).set("gateway", "192.0.2.9"));
    };
    EXPECT_EQ(with("ike", "home")->ike, "home");
    EXPECT_EQ(with("ike-id", "3")->ike_id, 3U);
    EXPECT_TRUE(with("peer-ip", "192.0.2.0/24")->peer_address);
    EXPECT_EQ(with("peer-id", "*.example.org")->peer_id.to_string(), "*.example.org");
    for (const auto& [key, value] :
         std::vector<std::pair<std::string_view, std::string_view>>{{"ike", ""},
                                                                    {"ike-id", "abc"},
                                                                    {"peer-ip", ""},
                                                                    {"peer-ip", "x"},
                                                                    {"peer-id", ""},
                                                                    {"child", "net"},
                                                                    {"child-id", "3"},
                                                                    {"other", "3"}}) {
        EXPECT_FALSE(with(key, value)) << key << " = \"" << value << '"';
    }
    EXPECT_FALSE(read_redirect(Message{}.set("ike", "home")));
}

}  // namespace
}  // namespace culvert::daemon
