// Checks that look at several sections at once, and what a reload means.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load_text.hpp"

namespace culvert::config {
namespace {

std::string connection(std::string_view name, std::string_view local, std::string_view remote,
                       std::string_view more = "") {
    return std::string{name} + " { local { auth = psk\n" + std::string{local} +
           "\n} remote { auth = psk\n" + std::string{remote} + "\n}\n" + std::string{more} +
           "\n}\n";
}

TEST(Lint, MissesASecretNamingBothSides) {
    const auto problems = [](std::string_view conn, std::string_view secrets) {
        return show(load_text("connections {\n" + std::string{conn} + "}\nsecrets {\n" +
                              std::string{secrets} + "}\n")
                        .problems);
    };
    const std::string conn = connection("c", "id = moon", "id = sun");
    EXPECT_EQ(problems(conn, ""),
              "t.conf:2: warning: connections.c: no secret belongs to moon (local) or sun "
              "(remote), but auth is psk. To fix it: add secrets { ike-c { id = sun ... secret = "
              "... } }\n");
    EXPECT_EQ(problems(conn, "ike { id = venus\n secret = 0123456789 }"), problems(conn, ""));
    EXPECT_EQ(problems(conn, "ike { id = SUN\n secret = 0123456789 }"), "");
    EXPECT_EQ(problems(conn, "ike { id = moon\n secret = 0123456789 }"), "");
    EXPECT_EQ(problems(conn, "ike { secret = 0123456789 }"), "");
    EXPECT_EQ(problems(conn, "ike { id = %any\n secret = 0123456789 }"), "");
    // Identities that are addresses; peers that are not known yet.
    const std::string by_address =
        connection("c", "", "", "local_addrs = 10.0.0.1\nremote_addrs = 10.0.0.2");
    EXPECT_EQ(problems(by_address, "ike { id = 10.0.0.2\n secret = 0123456789 }"), "");
    EXPECT_NE(problems(by_address, "ike { id = 10.0.0.3\n secret = 0123456789 }"), "");
    EXPECT_EQ(problems(connection("c", "id = moon", ""), "ike { id = x\n secret = 0123456789 }"),
              "");
    EXPECT_NE(problems(connection("c", "id = moon", ""), ""), "");
}

TEST(Lint, FindsChildrenThatOverlap) {
    const auto problems = [](std::string_view a, std::string_view b) {
        const std::string children =
            "children {\na {\n" + std::string{a} + "\n}\nb {\n" + std::string{b} + "\n}\n}";
        return show(load_text(connection_with(children)).problems);
    };
    const char* const net = "local_ts = 10.1.0.0/16\nremote_ts = 10.2.0.0/16";
    EXPECT_EQ(problems(net, "local_ts = 10.1.5.0/24\nremote_ts = 10.0.0.0/8"),
              "t.conf:8: warning: connections.c.children.b: its selectors overlap with those of a: "
              "a packet may take either. To fix it: make the selectors disjoint, or give the two a "
              "priority\n");
    EXPECT_EQ(problems(net, "local_ts = 10.1.0.0/16\nremote_ts = 10.3.0.0/16"), "");
    EXPECT_EQ(problems(net, "local_ts = 10.1.0.0/16\nremote_ts = 10.2.0.0/16\npriority = 5"), "");
    EXPECT_NE(problems("", ""), "");
    EXPECT_EQ(problems("remote_ts = dynamic[tcp]", "remote_ts = dynamic[udp]"), "");
}

TEST(Lint, MentionsTunnelsOfTwoConnectionsThatOverlap) {
    const auto problems = [](std::string_view a, std::string_view b) {
        const auto children = [](std::string_view name, std::string_view text) {
            return "children { " + std::string{name} + " {\n" + std::string{text} + "\n} }";
        };
        return show(load_text("connections {\n" + connection("a", "", "", children("x", a)) +
                              connection("b", "", "", children("y", b)) +
                              "}\nsecrets { ike { secret = 0123456789 } }")
                        .problems);
    };
    const char* const net = "local_ts = 10.1.0.0/16\nremote_ts = 10.2.0.0/16, fd00::/16";
    EXPECT_EQ(problems(net, "local_ts = 10.1.5.0/24\nremote_ts = 10.9.0.0/16, 10.2.7.0/24"),
              "t.conf:17: info: connections.b.children.y: its selectors overlap with those of a/x: "
              "while both are up a packet may take either. To fix it: make the selectors disjoint, "
              "or give the two a priority\n");
    EXPECT_EQ(problems(net, "local_ts = 10.3.0.0/16\nremote_ts = 10.2.0.0/16"), "");
    EXPECT_EQ(problems(net, "local_ts = 10.1.0.0/16\nremote_ts = 10.4.0.0/16, fd01::/16"), "");
    EXPECT_EQ(problems(net, std::string{net} + "\npriority = 5"), "");
    EXPECT_EQ(problems(net, std::string{net} + "\nmode = drop"), "");
    // Of addresses that each peer has for itself.
    EXPECT_EQ(problems("local_ts = 10.1.0.0/16", "local_ts = 10.1.0.0/16"), "");
}

TEST(Lint, MentionsChildrenOfOneNameInSeveralConnections) {
    const char* const child = "children { net { } }";
    EXPECT_EQ(show(load_text("connections {\n" + connection("a", "", "", child) +
                             connection("b", "", "", child) + connection("c", "", "", child) +
                             "}\nsecrets { ike { secret = 0123456789 } }")
                       .problems),
              "t.conf:14: info: connections.b.children.net: a child of this name is also in a and "
              "1 more. To fix it: name the connection too where you name the child\n");
}

TEST(Lint, WorksWithoutPlaces) {
    const Loaded loaded = load_text(
        "connections {\n" +
        connection("c", "id = moon", "id = sun", "proposals = 3des-sha256-modp2048") + "}");
    EXPECT_EQ(show(lint(loaded.config)),
              "warning: connections.c: no secret belongs to moon (local) or sun (remote), but auth "
              "is psk. To fix it: add secrets { ike-c { id = sun ... secret = ... } }\n"
              "warning: connections.c.proposals: weak, kept for old peers only: 3des. To fix it: "
              "use aes256gcm16-prfsha384-ecp384, or aes128-sha256-modp2048, if the peer can\n");
}

std::string show(const Changes& changes) {
    std::string out;
    for (const auto& name : changes.added) { out += "+" + name + " "; }
    for (const auto& name : changes.removed) { out += "-" + name + " "; }
    for (const auto& name : changes.changed) { out += "~" + name + " "; }
    for (const auto& c : changes.children_added) {
        out += "+" + c.connection + "/" + c.child + " ";
    }
    for (const auto& c : changes.children_removed) {
        out += "-" + c.connection + "/" + c.child + " ";
    }
    for (const auto& c : changes.children_changed) {
        out += "~" + c.connection + "/" + c.child + " ";
    }
    if (changes.order) { out += "order "; }
    if (changes.secrets) { out += "secrets "; }
    if (changes.settings) { out += "settings "; }
    return out;
}

TEST(Lint, EverythingWithEverythingIsWarnedOf) {
    const auto warned = [](std::string_view selectors) {
        return show(load_text(child_with(selectors)).problems)
            .contains("everything with everything");
    };
    EXPECT_TRUE(warned("local_ts = 0.0.0.0/0\nremote_ts = 0.0.0.0/0"));
    EXPECT_TRUE(warned("local_ts = 10.0.0.0/8, ::/0\nremote_ts = ::/0"));
    EXPECT_FALSE(warned("local_ts = 10.0.0.0/8\nremote_ts = 0.0.0.0/0"));
    EXPECT_FALSE(warned("remote_ts = 0.0.0.0/0"));
    EXPECT_FALSE(warned("local_ts = 0.0.0.0/0[tcp/80]\nremote_ts = 0.0.0.0/0"));
}

TEST(Lint, PoolsOfTheSameAddressesAreToldOf) {
    const auto told = [](std::string_view second) {
        return show(
            load_text(fmt::format("pools {{ a {{ addrs = 10.1.0.0/24\n}} b {{ addrs = {}\n}} "
                                  "c {{ addrs = fd00::/120\n}} }}",
                                  second))
                .problems);
    };
    EXPECT_EQ(told("10.1.1.0/24"), "");
    EXPECT_EQ(told("10.1.0.128/25"),
              "warning: pools.b.addrs: has addresses that the pool a has as well. To fix it: give "
              "each pool addresses of its own\n");
}

// The order of connections is that of preference.
TEST(Compare, TellsOfAnotherOrder) {
    const auto config = [](std::string_view names) {
        std::string text = "connections {\n";
        for (const char name : names) { text += connection(std::string(1, name), "", "", ""); }
        return load_text(text + "}").config;
    };
    EXPECT_EQ(show(compare(config("ab"), config("ba"))), "order ");
    EXPECT_EQ(show(compare(config("ab"), config("cab"))), "+c ");
    EXPECT_EQ(show(compare(config("abc"), config("ac"))), "-b ");
    EXPECT_EQ(show(compare(config("abc"), config("cxa"))), "+x -b order ");
}

TEST(Compare, TellsOfEachSetting) {
    const Loaded before = load_text("");
    for (const std::string_view setting :
         {"make_before_break = no", "close_ike_on_child_failure = yes", "initiator_only = yes",
          "fragment_size = 900", "keep_alive = 7s", "half_open_timeout = 5s"}) {
        Loaded after = load_text("");
        load_settings(parse_text(fmt::format("charon {{\n{}\n}}\n", setting), "s.conf"), after);
        EXPECT_TRUE(compare(before.config, after.config).settings) << setting;
    }
    EXPECT_FALSE(compare(before.config, load_text("").config).settings);
}

TEST(Compare, TellsWhatAReloadChanges) {
    const auto before = [](std::string_view more) { return load_text(connection_with(more)); };
    const Loaded a = before("children { x { } y { } }");
    const auto against = [&](const std::string& text) {
        return show(compare(a.config, load_text(text).config));
    };
    EXPECT_EQ(against(connection_with("children { x { } y { } }")), "");
    EXPECT_TRUE(compare(a.config, a.config).empty());
    EXPECT_EQ(against(connection_with("children { x { } }")), "-c/y ");
    EXPECT_EQ(against(connection_with("children { y { } x { } z { } }")), "+c/z order ");
    EXPECT_EQ(against(connection_with("children { z { } x { } y { } }")), "+c/z ");
    EXPECT_FALSE(
        compare(a.config, load_text(connection_with("children { y { } x { } }")).config).empty());
    EXPECT_EQ(against(connection_with("children { x { local_ts = 10.0.0.0/8\n} y { } }")), "~c/x ");
    EXPECT_EQ(
        against(connection_with("children { x { rekey_time = 1d\n} y { mode = transport\n} }")),
        "~c/x ~c/y ");
    EXPECT_EQ(against(connection_with("dpd_delay = 1\nchildren { x { } y { } }")), "~c ");
    EXPECT_EQ(against(connection_with("remote_addrs = a.b\nchildren { x { } y { } }")), "~c ");
    EXPECT_EQ(against(connection_with("children { x { } y { } }") + "charon { keep_alive = 3 }"),
              "settings ");
    EXPECT_EQ(against("connections { d { local { auth = psk } remote { auth = psk } } }"),
              "+d -c secrets ");
    EXPECT_EQ(show(compare(load_text("secrets { ike { secret = 0123456789 } }").config,
                           load_text("secrets { ike { secret = 0123456780 } }").config)),
              "secrets ");
}

}  // namespace
}  // namespace culvert::config
