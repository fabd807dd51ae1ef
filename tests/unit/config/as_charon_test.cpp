// What charon and swanctl 5.9.8 take, and we take as they do.

#include <gtest/gtest.h>

#include "load_text.hpp"
#include "loaded.hpp"
#include "memory_files.hpp"

namespace culvert::config {
namespace {

using vici::Section;

std::string secret_of(std::string_view written) {
    const Loaded loaded = load_text("secrets { ike { secret = " + std::string{written} + " } }");
    EXPECT_TRUE(loaded.ok()) << written << "\n" << show(loaded.problems);
    return loaded.config.secrets.empty()
               ? ""
               : std::string{as_text(loaded.config.secrets[0].secret.reveal())};
}

TEST(Secrets, AreWhatSwanctlMakesOfThem) {
    const std::pair<std::string_view, std::string_view> secrets[] = {
        {"0X6162", "ab"},
        {"0x6162", "ab"},
        {"0SYWJj", "abc"},
        {"0sYWJj", "abc"},
        {"0sYWJjZA", "abc"},
        {"0sYWJjZA=", "abc"},
        {"0sYWJjZA==", "abcd"},
        {"0sYWJjZGU=", "abcde"},
        {"0t1234", "0t1234"},
        {"\"abc\\bdef\"", "abcbdef"},
        {"\"abc\\fdef\"", "abcfdef"},
        {"\"a\\nb\"", "a\nb"},
        {"\"a\\rb\"", "a\rb"},
        {"\"a\\tb\"", "a\tb"},
        {"\"a\\qb\"", "aqb"},
        {"\"a\\\nb\"", "ab"},
        {"\"a\\\r\nb\"", "ab"},
        {"\"a\r\nb\"", "a\nb"},
        {"\"a\rb\"", "ab"},
        {"\"a\\\rb\"", "a\rb"},
        {"a\\nb", "a\\nb"},
    };
    for (const auto& [written, meant] : secrets) {
        EXPECT_EQ(secret_of(written), meant) << written;
    }
    EXPECT_TRUE(show(load_text("secrets { ike { secret = 0sYWJjZGVmZ2hpamts0 } }").problems)
                    .contains("without its padding: as with swanctl its last 1 characters count"));
    EXPECT_FALSE(load_text("secrets { ike { secret = 0sYQ } }").ok());  // nothing is left of it
}

// Each file had its part in it, and neither meant the whole.
TEST(Secrets, OfOneNameInTwoFilesAreToldOf) {
    const MemoryFiles files{
        {"/c/swanctl.conf", "include a.conf\ninclude b.conf\n"},
        {"/c/a.conf", "secrets { ike-1 { id = one\n secret = 0123456789abcdef } }"},
        {"/c/b.conf", "secrets { ike-1 { id-2 = two\n secret = fedcba9876543210 } }"}};
    const Loaded loaded = load(parse_file("/c/swanctl.conf", files));
    EXPECT_TRUE(loaded.ok());
    EXPECT_TRUE(
        show(loaded.problems)
            .contains(
                "/c/b.conf:1: warning: the section \"ike-1\" is there already in /c/a.conf:1"))
        << show(loaded.problems);
}

TEST(Times, HaveUnitsInAnyCaseAndBehindABlank) {
    const auto dpd = [](std::string_view time) {
        const Loaded loaded = load_text(connection_with("dpd_delay = " + std::string{time}));
        EXPECT_TRUE(loaded.ok()) << time << "\n" << show(loaded.problems);
        return connection(loaded, "c").dpd_delay.count();
    };
    EXPECT_EQ(dpd("4H"), 14400);
    EXPECT_EQ(dpd("4D"), 345600);
    EXPECT_EQ(dpd("4 h"), 14400);
    EXPECT_EQ(dpd("30S"), 30);
    EXPECT_EQ(dpd("\"2  M\""), 120);
    EXPECT_FALSE(load_text(connection_with("dpd_delay = 4x")).ok());
    EXPECT_FALSE(load_text(connection_with("dpd_delay = h")).ok());
    EXPECT_FALSE(load_text(connection_with("dpd_delay = 4 4 h")).ok());
}

TEST(Octets, HaveUnitsBehindABlank) {
    const Loaded loaded = load_text(child_with("life_bytes = 500 M\n rekey_bytes = 1 g"));
    EXPECT_TRUE(show(loaded.problems).find("is not a number") == std::string::npos)
        << show(loaded.problems);
    EXPECT_EQ(child(connection(loaded, "c"), "n").life_bytes, 500ULL << 20U);
}

// python-vici sends them for what a form left empty.
TEST(LoadConnection, TakesAnEmptyListForNone) {
    const auto psk = [] {
        return Section{}.set("auth", "psk").set("certs", vici::List{}).set("pubkeys", vici::List{});
    };
    Section remote = psk();
    remote.set("cacerts", vici::List{})
        .set("groups", vici::List{})
        .set("cert_policy", vici::List{});
    const Section conn =
        Section{}
            .set("vips", vici::List{})
            .set("pools", vici::List{})
            .set("local_addrs", vici::List{})
            .set("remote_addrs", vici::List{"192.0.2.1"})
            .set("proposals", vici::List{})
            .set("local", psk())
            .set("remote", std::move(remote))
            .set("children",
                 Section{}.set(
                     "net",
                     Section{}.set("local_ts", vici::List{}).set("esp_proposals", vici::List{})));
    const LoadedConnection loaded = load_connection("c", conn);
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    EXPECT_TRUE(loaded.connection.local_addrs.at(0).any);
    EXPECT_FALSE(loaded.connection.proposals.empty());
    EXPECT_FALSE(loaded.connection.children.at(0).local_ts.empty());
}

// What VICI cannot carry as a key could be loaded and never be seen.
TEST(Names, AreThoseThatCanBeListed) {
    const Section conn = Section{}
                             .set("local", Section{}.set("auth", "psk"))
                             .set("remote", Section{}.set("auth", "psk"));
    EXPECT_TRUE(load_connection(std::string(120, 'x'), conn).ok());
    EXPECT_TRUE(load_connection("with blank/and slash", conn).ok());
    for (const std::string& name :
         {std::string(121, 'x'), std::string{}, std::string{"new\nline"}, std::string{"\x1b[2J"}}) {
        EXPECT_FALSE(load_connection(name, conn).ok()) << name;
        EXPECT_FALSE(load_pool(name, Section{}.set("addrs", "10.0.0.0/24")).ok()) << name;
        const Section with = Section{conn}.set("children", Section{}.set(name, Section{}));
        EXPECT_FALSE(load_connection("c", with).ok()) << name;
    }
    EXPECT_TRUE(show(load_text("connections { " + std::string(200, 'x') + " { } }").problems)
                    .contains("has a name of 200 characters; at most 120 can be listed"));
}

TEST(Local, IsNobodyElse) {
    for (const std::string_view id : {"*.example.org", "*@example.org", "\"C=CH, CN=*\""}) {
        const Loaded loaded = load_text("connections { c { local { id = " + std::string{id} +
                                        "\n auth = psk }\n remote { auth = psk } } }");
        EXPECT_FALSE(loaded.ok()) << id;
        EXPECT_TRUE(show(loaded.problems).contains("stands for many")) << show(loaded.problems);
    }
    EXPECT_TRUE(
        load_text("connections { c { local { id = %any\n auth = psk }\n remote { auth = psk "
                  "} } }\nsecrets { ike { secret = 0123456789abcdef } }")
            .ok());
}

TEST(Identities, ThatAreNoNamesAreToldOf) {
    const Loaded loaded = load_text(
        "connections { c { local { auth = psk }\n remote { id = "
        "\"CN=gw, typo=1\"\n auth = psk } } }");
    EXPECT_TRUE(show(loaded.problems).contains("is no distinguished name, so that it is a KEY_ID"))
        << show(loaded.problems);
    EXPECT_EQ(connection(loaded, "c").remote.id.type, ike::IdType::key_id);
}

TEST(Lint, TellsOfMoreChildrenThanAnSaHas) {
    std::string children = "children {\n";
    for (int i = 0; i < 129; ++i) {
        children +=
            "c" + std::to_string(i) + " { remote_ts = 10.0." + std::to_string(i) + ".0/24 }\n";
    }
    const Loaded loaded = load_text(connection_with(children + "}", " remote_addrs = 192.0.2.9"));
    EXPECT_TRUE(loaded.ok());
    EXPECT_TRUE(show(loaded.problems).contains("129 children: an IKE SA has at most 128"))
        << show(loaded.problems);
}

TEST(Settings, LeaveAPeerTimeToComeIn) {
    EXPECT_FALSE(load_text("charon { half_open_timeout = 0 }").ok());
    EXPECT_TRUE(load_text("charon { half_open_timeout = 1s }").ok());
}

TEST(Proposals, AWordWithoutItsTagIsTheOneWithTheWholeTag) {
    for (const std::string_view word : {"aes256gcm", "aes128ccm"}) {
        const std::string problems =
            show(load_text(child_with("esp_proposals = " + std::string{word})).problems);
        EXPECT_TRUE(problems.contains("the nearest word is \"" + std::string{word} + "16\""))
            << problems;
    }
}

}  // namespace
}  // namespace culvert::config
