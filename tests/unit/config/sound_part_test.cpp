// One connection that is wrong must not cost the others, and what is wrong elsewhere costs all.

#include <gtest/gtest.h>

#include "load_text.hpp"
#include "loaded.hpp"
#include "memory_files.hpp"

namespace culvert::config {
namespace {

constexpr std::string_view good =
    "connections {\n good { remote_addrs = 192.0.2.1\n local { auth = psk }\n remote { auth = psk "
    "} }\n";
constexpr std::string_view secrets = "secrets { ike { secret = 0123456789abcdef } }\n";

std::string with(std::string_view more, std::string_view outside = "") {
    return std::string{good} + std::string{more} + "}\n" + std::string{secrets} +
           std::string{outside};
}

std::vector<std::string> names(const Loaded& loaded) {
    std::vector<std::string> out;
    for (const ike::Connection& one : loaded.config.connections) { out.push_back(one.name); }
    return out;
}

TEST(SoundPart, IsWhatHasNoErrorOfItsOwn) {
    for (const std::string_view wrong :
         {"bad { if_id_in = 7 }", "bad { remote { auth = eap-radius } }", "bad { nonsense = 1 }",
          "bad { children { c { esp_proposals = aes256-sha999 } } }", "bad { pools = nowhere }",
          "bad { local_port = 1234 }", "bad { local_port = 4500 }",
          "bad { children { c { culvert_keep_up = yes } } }"}) {
        const Loaded loaded = load_text(with(wrong));
        EXPECT_FALSE(loaded.ok()) << wrong;
        EXPECT_TRUE(loaded.rest_is_sound) << wrong << "\n" << show(loaded.problems);
        EXPECT_EQ(names(loaded), std::vector<std::string>{"good"}) << wrong;
        EXPECT_EQ(loaded.config.secrets.size(), 1U);
    }
}

// Its errors are told once, though many have them.
TEST(SoundPart, HasNobodyWhoInheritsWhatIsWrong) {
    const Loaded loaded =
        load_text("base { if_id_in = 7 }\n" +
                  with("one : base { version = 2 }\n two : base { version = 2 }"));
    EXPECT_TRUE(loaded.rest_is_sound) << show(loaded.problems);
    EXPECT_EQ(names(loaded), std::vector<std::string>{"good"});
}

TEST(SoundPart, IsNotThereWhereTheTextItselfIsBroken) {
    EXPECT_FALSE(load_text(with("bad { version = 2")).rest_is_sound);
    EXPECT_TRUE(load_text(with("")).rest_is_sound);
}

// swanctl passes over sections that it does not know.
TEST(SoundPart, IsAllWhereASectionIsNobodys) {
    for (const std::string_view unused :
         {"remote-tmpl { auth = psk }", "zzz = 1", "old-gateways { a { version = 2 } }"}) {
        const Loaded loaded = load_text(with("", unused));
        EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
        EXPECT_TRUE(show(loaded.problems).contains("no section refers to it")) << unused;
        EXPECT_EQ(names(loaded), std::vector<std::string>{"good"}) << unused;
    }
}

TEST(SoundPart, IsWhatAMistakeBesideItLeaves) {
    for (const std::string_view wrong :
         {"conections { x { } }", "connections { foo = bar }", "secrets { foo = bar }",
          "pools = 10.0.0.0/8", "authorities = x"}) {
        const Loaded loaded = load_text(with("", wrong));
        EXPECT_FALSE(loaded.ok()) << wrong;
        EXPECT_TRUE(loaded.rest_is_sound) << wrong << "\n" << show(loaded.problems);
        EXPECT_EQ(names(loaded), std::vector<std::string>{"good"}) << wrong;
        EXPECT_EQ(loaded.config.secrets.size(), 1U) << wrong;
    }
}

// Half a connection may let in whom the whole would not.
TEST(SoundPart, HasNoConnectionThatTakesFromWhatIsNotThere) {
    for (const std::string_view wrong :
         {"bad : nowhere { version = 2 }", "bad { remote : nowhere.at { auth = psk } }",
          "bad { include nowhere.conf\n version = 2 }",
          "bad { remote { include nowhere.conf\n auth = psk } }"}) {
        const MemoryFiles files{
            std::map<std::string, FileSystem::File>{{"/c/swanctl.conf", {.text = with(wrong)}}}};
        const Loaded loaded = load(parse_file("/c/swanctl.conf", files));
        EXPECT_FALSE(loaded.ok()) << wrong;
        EXPECT_TRUE(loaded.rest_is_sound) << wrong << "\n" << show(loaded.problems);
        EXPECT_EQ(names(loaded), std::vector<std::string>{"good"}) << wrong;
    }
}

TEST(SoundPart, IsTheOtherFilesWhereOneIsNotThere) {
    const std::string main = with("include more.conf\n", "include pools.conf\ninclude x/y.conf");
    const MemoryFiles files{
        {"/c/swanctl.conf", main.c_str()},
        {"/c/more.conf", "other { version = 2\n local { auth = psk }\n remote { auth = psk } }"},
        {"/c/pools.conf", "include /nowhere\npools { road { addrs = 10.3.0.0/24 } }"}};
    const Loaded loaded = load(parse_file("/c/swanctl.conf", files));
    EXPECT_FALSE(loaded.ok());
    EXPECT_TRUE(loaded.rest_is_sound) << show(loaded.problems);
    EXPECT_EQ(names(loaded), (std::vector<std::string>{"good", "other"}));
    EXPECT_EQ(loaded.config.pools.size(), 1U);
}

TEST(SoundPart, IsThereWhateverASettingSays) {
    Loaded loaded = load_text(with("", "charon { interfaces_use = eth0\n keep_alive = 7s }"));
    EXPECT_TRUE(loaded.rest_is_sound);
    EXPECT_FALSE(loaded.settings_are_sound);
    EXPECT_EQ(loaded.config.settings.keep_alive, std::chrono::seconds{7});
    loaded = load_text(with(""));
    EXPECT_TRUE(loaded.settings_are_sound);
    load_settings(parse_text("charon { plugins { kernel-netlink { mtu = 0 } } }", "s.conf"),
                  loaded);
    EXPECT_TRUE(loaded.settings_are_sound) << show(loaded.problems);
    load_settings(parse_text("charon { interfaces_use = eth0 }", "s.conf"), loaded);
    EXPECT_FALSE(loaded.settings_are_sound);
    EXPECT_TRUE(loaded.rest_is_sound);
    EXPECT_EQ(names(loaded), std::vector<std::string>{"good"});
}

TEST(SoundPart, LeavesOutASecretAlone) {
    const Loaded loaded =
        load_text(with("", "secrets { ike-2 { secret = 0123456789abcdef\n id = \"^(a$\" } }"));
    EXPECT_FALSE(loaded.ok());
    EXPECT_TRUE(loaded.rest_is_sound) << show(loaded.problems);
    EXPECT_EQ(names(loaded), std::vector<std::string>{"good"});
    EXPECT_EQ(loaded.config.secrets.size(), 1U);
}

// ---- what others' files say, and we carry out as far as it goes

TEST(SoundPart, AnAlternativeThatIsNotBuiltIsAWarning) {
    const Loaded loaded = load_text(
        with("aws { proposals = aes256-sha256-modp2048-modp2048s256, aes128-md5-modp768 }"));
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    EXPECT_TRUE(show(loaded.problems).contains("modp2048s256, aes128-md5-modp768 is not built"))
        << show(loaded.problems);
    ASSERT_EQ(connection(loaded, "aws").proposals.size(), 1U);
    EXPECT_EQ(connection(loaded, "aws").proposals[0].to_string(), "aes256-sha256-modp2048");
    EXPECT_FALSE(load_text(with("aws { proposals = aes128-md5-modp768 }")).ok());
}

TEST(SoundPart, PatternsArePeersOnly) {
    EXPECT_TRUE(load_text(with("p { remote { id = \"^.*@x\\.example$\" } }")).ok());
    EXPECT_TRUE(load_text(with("p { remote { id = 10.0.0.0/16 } }")).ok());
    EXPECT_FALSE(load_text(with("p { local { id = \"^.*@x\\.example$\" } }")).ok());
    EXPECT_FALSE(load_text(with("p { local { id = 10.0.0.0/16 } }")).ok());
}

}  // namespace
}  // namespace culvert::config
