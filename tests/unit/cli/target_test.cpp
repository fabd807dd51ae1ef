#include "cli/target.hpp"

#include <gtest/gtest.h>

#include "fake_daemon.hpp"

namespace culvert::cli {
namespace {

const Messages connections{a_connection("home", {"net", "lan", "both"}),
                           a_connection("office", {"desk", "both"}), a_connection("bare", {})};

std::string shown(const Result<Target>& target) {
    if (!target) { return std::string{name(target.error().code)}; }
    return target->ike + "/" + target->child;
}

TEST(Target, IsAConnectionAChildOrBoth) {
    EXPECT_EQ(shown(target_of(connections, "home")), "home/");
    EXPECT_EQ(shown(target_of(connections, "desk")), "office/desk");
    EXPECT_EQ(shown(target_of(connections, "office/both")), "office/both");
}

TEST(Target, AChildOfSeveralConnectionsIsAskedBack) {
    const auto target = target_of(connections, "both");
    ASSERT_FALSE(target.has_value());
    EXPECT_EQ(target.error().code, ErrorCode::config);
    EXPECT_EQ(target.error().received, "one in each of home, office");
    EXPECT_EQ(target.error().remedy, "say which: home/both");
}

TEST(Target, OfNamesWithASlashTheLongestConnectionCounts) {
    const Messages all{a_connection("a", {"b/c"}), a_connection("a/b", {"c", "d"}),
                       a_connection("a/b/d", {"x"})};
    EXPECT_EQ(shown(target_of(all, "a/b")), "a/b/");
    EXPECT_EQ(shown(target_of(all, "a/b/c")), "a/b/c");
    EXPECT_EQ(target_of(all, "a/b/c")->ike, "a/b");
    EXPECT_EQ(target_of(all, "a/b/d")->ike, "a/b/d");
    EXPECT_EQ(target_of(all, "a/x/y")->ike, "a");
    // One that is loaded no more, and whose SA may still stand.
    EXPECT_EQ(target_of(all, "old/net")->ike, "old");
    for (const std::string_view half : {"a/", "/", "/net", "nope/"}) {
        EXPECT_EQ(shown(target_of(all, half)), "config") << half;
    }
}

TEST(Target, AnUnknownNameIsAnsweredWithTheNearest) {
    const auto target = target_of(connections, "ofice");
    ASSERT_FALSE(target.has_value());
    EXPECT_EQ(target.error().code, ErrorCode::not_found);
    EXPECT_NE(target.error().remedy.find("did you mean office?"), std::string::npos)
        << target.error().remedy;
    EXPECT_EQ(shown(target_of({}, "x")), "not_found");
}

TEST(Target, AConnectionsChildrenAreThoseThatAreSas) {
    EXPECT_EQ(children_of(connections, "home"), (std::vector<std::string>{"net", "both"}));
    EXPECT_TRUE(children_of(connections, "bare").empty());
    EXPECT_TRUE(children_of(connections, "none").empty());
}

}  // namespace
}  // namespace culvert::cli
