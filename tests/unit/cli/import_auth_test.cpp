// What an ipsec.conf asks of a peer is asked by what comes out of it as well, or the connection is
// not loaded.

#include <fstream>

#include <gtest/gtest.h>

#include "cli/commands.hpp"
#include "config/config.hpp"
#include "fake_daemon.hpp"
#include "support/scratch.hpp"

namespace culvert::cli {
namespace {

class ImportAuth : public testing::Test {
 protected:
    static std::string file(const std::string& name, std::string_view text) {
        const std::string path = test::scratch(name);
        std::ofstream{path} << text;
        return path;
    }
    Exit conf(std::string_view text) { return with_secrets(text, ""); }
    Exit with_secrets(std::string_view text, std::string_view secrets) {
        paper.printed.clear();
        paper.errors.clear();
        return import_ipsec(context, file("auth.conf", text), file("auth.secrets", secrets));
    }
    Exit secrets(std::string_view text) {
        return with_secrets("conn c\n  right=192.0.2.1\n  authby=psk\n", text);
    }
    config::Loaded loaded() const {
        return config::load(config::parse_text(paper.printed, "t.conf"));
    }
    std::string secret(std::size_t at) const {
        const config::Loaded all = loaded();
        return at < all.config.secrets.size()
                   ? std::string{as_text(all.config.secrets[at].secret.reveal())}
                   : "none";
    }
    bool has(std::string_view text) const { return paper.printed.contains(text); }
    bool notes(std::string_view text) const { return paper.errors.contains(text); }

    FakeDaemon daemon;
    Paper paper;
    Context context{.output = paper, .open = daemon.opener()};
};

TEST_F(ImportAuth, ASecretOverTwoLinesKeepsItsOwners) {
    ASSERT_EQ(secrets("@c @d\n    : PSK \"of c and d alone\"\n@e @f :\n\tPSK\n\t\"of e and f\"\n"
                      "@g : PSK \"of g\"\n  @h : PSK \"of h, indented\"\n"),
              Exit::ok)
        << paper.errors;
    const config::Loaded all = loaded();
    ASSERT_EQ(all.config.secrets.size(), 4U) << paper.printed;
    EXPECT_EQ(all.config.secrets[0].owners.size(), 2U);
    EXPECT_EQ(all.config.secrets[0].owners[0].to_string(), "c");
    EXPECT_EQ(secret(0), "of c and d alone");
    EXPECT_EQ(all.config.secrets[1].owners.size(), 2U);
    EXPECT_EQ(secret(1), "of e and f");
    EXPECT_EQ(all.config.secrets[3].owners.size(), 1U);
    EXPECT_EQ(secret(3), "of h, indented");
}

TEST_F(ImportAuth, ASecretIsWhatItWas) {
    ASSERT_EQ(secrets("a : PSK 'ab#cdefghi'   # a comment\n"
                      "b : PSK \"0x1234567890\"\n"
                      "c : PSK 0t0x1234567890\n"
                      "d : PSK 0x3132333435363738\n"
                      "e : PSK \"two  blanks # and more\"\n"
                      "f : PSK ab#cdefghi\n"
                      "g : PSK 0tlibreswan\n"
                      "h : PSK '0sYWJj in quotes'\n"),
              Exit::ok)
        << paper.errors;
    EXPECT_EQ(secret(0), "ab#cdefghi");
    EXPECT_EQ(secret(1), "0x1234567890");
    EXPECT_EQ(secret(2), "0x1234567890");
    EXPECT_EQ(secret(3), "12345678");
    EXPECT_EQ(secret(4), "two  blanks # and more");
    EXPECT_EQ(secret(5), "ab#cdefghi");
    EXPECT_EQ(secret(6), "libreswan");
    EXPECT_EQ(secret(7), "0sYWJj in quotes");
}

TEST_F(ImportAuth, ConstraintsOfKeysStay) {
    conf("conn c\n  right=192.0.2.1\n  rightauth=rsa-4096-sha512\n  leftauth=ecdsa-sha384\n");
    EXPECT_TRUE(has("auth = rsa-4096-sha512\n")) << paper.printed;
    EXPECT_TRUE(has("auth = ecdsa-sha384\n")) << paper.printed;
    conf("conn c\n  right=192.0.2.1\n  authby=rsa-sha2_512,ecdsa\n");
    EXPECT_TRUE(has("auth = ike:rsa/pss-sha2_512-ecdsa\n")) << paper.printed;  // ours
    EXPECT_TRUE(has("auth = ike:rsa-sha2_512-ecdsa\n")) << paper.printed;
    EXPECT_EQ(conf("conn c\n  right=192.0.2.1\n  authby=rsa-sha2\n"), Exit::ok) << paper.errors;
    EXPECT_TRUE(has("auth = ike:rsa-sha256-sha384-sha512\n")) << paper.printed;
    // A word that is nobody's is refused, and not taken for any key.
    EXPECT_EQ(conf("conn c\n  right=192.0.2.1\n  rightauth=bliss-strong\n"), Exit::failed);
    EXPECT_TRUE(notes("bliss-strong")) << paper.errors;
}

TEST_F(ImportAuth, TheSecondRoundStays) {
    ASSERT_EQ(conf("conn c\n  right=%any\n  rightauth=pubkey\n  rightauth2=eap-mschapv2\n"
                   "  rightid2=*@example.org\n  eap_identity=%identity\n"),
              Exit::ok)
        << paper.errors;
    const config::Loaded all = loaded();
    ASSERT_EQ(all.config.connections.size(), 1U) << paper.printed;
    const ike::Connection& conn = all.config.connections[0];
    EXPECT_EQ(conn.remote.method, ike::AuthMethodKind::pubkey);
    ASSERT_EQ(conn.remote_more.size(), 1U) << paper.printed;
    EXPECT_EQ(conn.remote_more[0].method, ike::AuthMethodKind::eap);
    EXPECT_EQ(conn.remote_more[0].id.to_string(), "*@example.org");
    EXPECT_TRUE(conn.remote_more[0].asks_eap_id);
}

TEST_F(ImportAuth, TheSameAuthorityIsNamedOrTheConnectionIsNotLoaded) {
    conf("conn c\n  right=192.0.2.1\n  leftca=\"C=CH, CN=Root\"\n  rightca=%same\n");
    EXPECT_TRUE(has("ca_id = C=CH, CN=Root\n")) << paper.printed;
    conf("conn c\n  right=192.0.2.1\n  leftcert=moon.pem\n  rightca=%same\n");
    EXPECT_TRUE(notes("rightca = %same: name the file")) << paper.errors;
    EXPECT_TRUE(loaded().config.connections.empty());
}

// Without it whoever has a certificate with that id would do.
TEST_F(ImportAuth, APublicKeyIsNamedOrTheConnectionIsNotLoaded) {
    conf("conn c\n  right=192.0.2.1\n  rightid=@gw\n  authby=rsasig\n  rightrsasigkey=0sAQPa\n");
    EXPECT_TRUE(notes("rightrsasigkey: write that public key")) << paper.errors;
    EXPECT_TRUE(loaded().config.connections.empty());
    conf("conn c\n  right=192.0.2.1\n  rightid=@gw\n  authby=rsasig\n  rightrsasigkey=%cert\n");
    EXPECT_FALSE(has("pubkeys")) << paper.printed;
}

// rightid stands for right where it is not set; swanctl's id stands for anybody.
TEST_F(ImportAuth, APeerWithoutAnIdIsItsAddress) {
    conf("conn c\n  right=192.0.2.1\n  authby=psk\n");
    EXPECT_EQ(loaded().config.connections.at(0).remote.id.to_string(), "192.0.2.1");
    conf("conn c\n  right=%any\n  authby=psk\n");
    EXPECT_EQ(loaded().config.connections.at(0).remote.id.type, ike::IdType::any);
    conf("conn c\n  right=192.0.2.1\n  rightid=@[gw 7]\n  authby=psk\n");
    const ike::Identity id = loaded().config.connections.at(0).remote.id;
    EXPECT_EQ(id.type, ike::IdType::key_id);
    EXPECT_EQ(id.to_string(), "gw 7");
}

TEST_F(ImportAuth, DeadPeersAreLookedForAsBefore) {
    const auto delay = [&](std::string_view keys) {
        conf("conn c\n  right=192.0.2.1\n  authby=psk\n" + std::string{keys});
        return loaded().config.connections.at(0).dpd_delay.count();
    };
    EXPECT_EQ(delay("  dpdaction=restart\n"), 30);
    EXPECT_EQ(delay("  dpdaction=none\n  dpddelay=10s\n"), 0);
    EXPECT_EQ(delay("  dpdaction=clear\n  dpddelay=10s\n"), 10);
    EXPECT_EQ(delay(""), 0);
    EXPECT_EQ(delay("  dpdaction=restart_by_peer\n"), 30);
    EXPECT_EQ(loaded().config.connections.at(0).children.at(0).dpd_action, ike::StartAction::start);
    EXPECT_TRUE(notes("restart_by_peer")) << paper.errors;
}

TEST_F(ImportAuth, WhatWasSetInSilenceIsSaid) {
    conf("conn c\n  right=192.0.2.1\n  authby=psk\n  leftfirewall=yes\n  leftsendcert=always\n");
    EXPECT_TRUE(notes("leftfirewall = yes")) << paper.errors;
    EXPECT_TRUE(has("send_cert = always\n")) << paper.printed;
    EXPECT_TRUE(has("keyingtries = 3\n")) << paper.printed;
    conf("conn c\n  right=192.0.2.1\n  authby=secret\n  ikev2=insist\n");
    EXPECT_TRUE(has("keyingtries = 0\n")) << paper.printed;
}

TEST_F(ImportAuth, OddNamesAndSeveralPoolsAreLoadedAgain) {
    ASSERT_EQ(conf("conn a:b\n  right=%any\n  authby=psk\n  rightsourceip=10.1.0.0/24,fd00::/120\n"
                   "conn \"quoted name\"\n  right=192.0.2.1\n  authby=psk\n"),
              Exit::ok)
        << paper.errors << paper.printed;
    const config::Loaded all = loaded();
    ASSERT_EQ(all.config.connections.size(), 2U) << paper.printed;
    EXPECT_EQ(all.config.connections[0].name, "a:b");
    EXPECT_EQ(all.config.connections[0].pools, (std::vector<std::string>{"a:b", "a:b-2"}));
    EXPECT_EQ(all.config.pools.size(), 2U);
    EXPECT_EQ(all.config.connections[1].name, "quoted name");
}

TEST_F(ImportAuth, WhatTakesOverFromNobodyIsNotLoaded) {
    EXPECT_EQ(conf("conn c\n  also=nowhere\n  right=%any\n  authby=psk\n"), Exit::failed);
    EXPECT_TRUE(notes("conn c takes over nowhere, which is not there")) << paper.errors;
    EXPECT_TRUE(loaded().config.connections.empty());
}

// What check refuses is not a success.
TEST_F(ImportAuth, WhatIsRefusedFails) {
    EXPECT_EQ(conf("conn c\n  keyexchange=ikev1\n  right=192.0.2.1\n  authby=psk\n"), Exit::failed);
    context.json = true;
    EXPECT_EQ(conf("conn c\n  keyexchange=ikev1\n  right=192.0.2.1\n  authby=psk\n"), Exit::failed);
    EXPECT_TRUE(has("\"success\": \"no\"")) << paper.printed;
}

}  // namespace
}  // namespace culvert::cli
