// Folders beside swanctl.conf, and what connections name in them.

#include <algorithm>

#include <gtest/gtest.h>

#include "certificate_files.hpp"
#include "ike/own_certificates.hpp"
#include "load_text.hpp"
#include "memory_files.hpp"

namespace culvert::config {
namespace {

using x509::certificate;
using x509::CertificateFiles;

std::string text_of(const std::string& name) {
    const Bytes octets = x509::file(name);
    return std::string{as_text(octets)};
}

FileSystem::File plain(const std::string& name) { return {.text = text_of(name)}; }

std::string conf(std::string_view local, std::string_view remote, std::string_view more = "") {
    return "connections { gw {\nlocal {\n" + std::string{local} + "\n}\nremote {\n" +
           std::string{remote} + "\n}\n} }\n" + std::string{more};
}

struct Folders : testing::Test {
    void SetUp() override { NEED_CERTIFICATES(); }
    void put(const std::string& path, const std::string& name) {
        files["/s/" + path] = plain(name);
    }
    Loaded load(const std::string& text) {
        files["/s/swanctl.conf"] = {.text = text};
        return load_file("/s/swanctl.conf", MemoryFiles{files});
    }
    std::map<std::string, FileSystem::File> files;
};

TEST_F(Folders, ACertificateThatIsNotForThePeersIdIsNamed) {
    put("x509/gw.crt", "gw.crt");
    put("x509/middle.crt", "middle.crt");
    put("x509ca/root.crt", "root.crt");
    put("private/gw.key", "gw.key");
    const auto problems = [&](std::string_view id) {
        return show(
            load(conf("certs = gw.crt", "certs = gw.crt\nid = " + std::string{id})).problems);
    };
    EXPECT_NE(problems("peer.example")
                  .find("warning: connections.gw.remote.id: peer.example is not in the "
                        "certificate of remote.certs, which is for "),
              std::string::npos)
        << problems("peer.example");
    EXPECT_EQ(problems("*.example"), "");
    EXPECT_EQ(problems("gw.example"), "");
}

TEST_F(Folders, AConnectionFindsItsCertificateKeyAndAuthority) {
    put("x509/gw.crt", "gw.crt");
    put("x509/middle.crt", "middle.crt");
    put("x509ca/root.crt", "root.crt");
    put("x509crl/middle.crl", "middle.crl");
    put("private/gw.key", "gw.key");
    Loaded loaded = load(conf("certs = gw.crt", "id = peer.example\nrevocation = strict"));
    EXPECT_EQ(show(loaded.problems), "");
    ASSERT_NE(loaded.config.credentials, nullptr);
    const ike::CredentialSet& set = *loaded.config.credentials;
    EXPECT_EQ(set.authorities.size(), 1U);
    EXPECT_EQ(set.certificates.size(), 2U);
    EXPECT_EQ(set.crls.size(), 1U);
    EXPECT_EQ(set.keys.size(), 1U);
    ike::Connection& gw = loaded.config.connections.front();
    EXPECT_EQ(gw.remote.revocation, x509::RevocationPolicy::strict);
    EXPECT_TRUE(bind(gw, set).empty());
    ASSERT_EQ(gw.local.usable.size(), 1U);
    EXPECT_EQ(gw.local.usable.front().chain.size(), 2U);        // without the root
    EXPECT_EQ(gw.local.usable.front().authorities.size(), 2U);  // with it
    EXPECT_EQ(gw.local.id.to_string(), "C=CH, O=Culvert, CN=gw");
}

TEST_F(Folders, EncryptedKeysOpenWithTheirPassphrase) {
    put("private/rsa.key", "rsa-encrypted.key");
    const auto with = [&](std::string_view secrets) {
        return load("secrets { " + std::string{secrets} + " }");
    };
    Loaded loaded = with("private-rsa { file = rsa.key\n secret = sesame }");
    EXPECT_EQ(show(loaded.problems), "");
    EXPECT_EQ(loaded.config.credentials->keys.size(), 1U);
    loaded = with("private-rsa { file = rsa.key\n secret = wrong }");
    EXPECT_NE(show(loaded.problems).find("the passphrase does not open"), std::string::npos)
        << show(loaded.problems);
    EXPECT_TRUE(loaded.ok());  // it may be nobody's
    loaded = with("private-rsa { file = other.key\n secret = sesame }");
    EXPECT_NE(show(loaded.problems).find("there is no file other.key"), std::string::npos);
}

TEST_F(Folders, AContainerHoldsAKeyWithItsCertificates) {
    put("pkcs12/gw.p12", "gw.p12");
    Loaded loaded = load(
        conf("auth = pubkey", "", "secrets { pkcs12-gw { file = gw.p12\n secret = sesame } }"));
    EXPECT_EQ(show(loaded.problems), "");
    EXPECT_EQ(loaded.config.credentials->keys.size(), 1U);
    // One in between is not trusted for being in there.
    EXPECT_EQ(loaded.config.credentials->certificates,
              (std::vector{certificate("gw"), certificate("middle")}));
    EXPECT_TRUE(loaded.config.credentials->authorities.empty());
}

TEST_F(Folders, OfSeveralInAFileTheGoodOnesAreLoadedAndTheOthersTold) {
    NEED_LISTS();
    put("x509ca/all.pem", "bundle.pem");
    Loaded loaded = load(conf("auth = pubkey", "cacerts = all.pem"));
    EXPECT_EQ(loaded.config.credentials->authorities,
              (std::vector{certificate("root"), certificate("middle")}));
    EXPECT_EQ(loaded.config.connections.front().remote.cacerts,
              (std::vector{certificate("root"), certificate("middle")}));
    const std::string told = show(loaded.problems);
    EXPECT_NE(told.find("all.pem: warning: holds a certificate that cannot be used: \"C=CH, "
                        "O=Culvert, CN=odd\""),
              std::string::npos)
        << told;
    EXPECT_NE(told.find("all.pem holds a certificate that cannot be used"), std::string::npos)
        << told;
    EXPECT_EQ(told.find(": error"), std::string::npos) << told;
}

// A reload that went on would take a key away that is in use.
TEST_F(Folders, WhatCouldBeUsedAndCannotAnyMoreIsFound) {
    put("x509/gw.crt", "gw.crt");
    put("private/gw.key", "gw.key");
    put("private/new.key", "gw.crt");
    const Loaded before = load(conf("certs = gw.crt", ""));
    EXPECT_TRUE(before.usable.contains("/s/private/gw.key"));
    EXPECT_FALSE(before.usable.contains("/s/private/new.key"));
    EXPECT_TRUE(lost_credentials(before.usable, before.problems).empty());
    put("private/gw.key", "gw.crt");
    const Problems lost =
        lost_credentials(before.usable, load(conf("auth = psk", "auth = psk")).problems);
    ASSERT_EQ(lost.size(), 1U);
    EXPECT_TRUE(show(lost).starts_with("/s/private/gw.key: error: holds no private key"))
        << show(lost);
    // To take the file away says that it is not wanted any more.
    files.erase("/s/private/gw.key");
    EXPECT_TRUE(
        lost_credentials(before.usable, load(conf("auth = psk", "auth = psk")).problems).empty());
}

TEST_F(Folders, WhatIsMissingIsToldWithItsRemedy) {
    put("x509/gw.crt", "gw.crt");
    put("x509/key.crt", "gw.key");
    put("x509ca/root.crt", "root.crt");
    const std::string told = show(load(conf("certs = gw.crt", "id = peer.example")).problems);
    EXPECT_NE(told.find("gw.local.certs: there is no private key for \"C=CH"), std::string::npos)
        << told;
    EXPECT_NE(told.find("/s/x509/key.crt: warning: holds no certificate"), std::string::npos)
        << told;
    EXPECT_NE(show(load(conf("certs = no.crt", "")).problems).find("/s/x509/no.crt cannot be read"),
              std::string::npos);
    put("private/gw.key", "gw.key");
    const std::string id = show(load(conf("certs = gw.crt\nid = sun.example", "")).problems);
    EXPECT_NE(id.find("sun.example is not in the certificate"), std::string::npos) << id;
    files["/s/private/gw.key"].others_may_read = true;
    EXPECT_NE(show(load(conf("certs = gw.crt", "")).problems).find("chmod 600 /s/private/gw.key"),
              std::string::npos);
}

TEST_F(Folders, PublicKeysAreNamedByFile) {
    files["/s/pubkey/gw.pub"] = {.text = text_of("gw.pub")};
    put("private/gw.key", "gw.key");
    Loaded loaded = load(conf("pubkeys = gw.pub\nid = gw", "pubkeys = gw.pub\nid = peer"));
    EXPECT_EQ(show(loaded.problems), "");
    ike::Connection& gw = loaded.config.connections.front();
    EXPECT_EQ(gw.remote.pubkeys.size(), 1U);
    bind(gw, *loaded.config.credentials);
    EXPECT_NE(gw.local.key, nullptr);
}

TEST_F(Folders, AuthoritiesAreTrustedAndKnowWhereTheirListsAre) {
    put("x509ca/root.crt", "root.crt");
    const Loaded loaded = load(
        "authorities { ca { cacert = root.crt\n crl_uris = http://crl.example/a.crl, ldap://x } }");
    EXPECT_NE(show(loaded.problems).find("\"ldap://x\" is not followed"), std::string::npos);
    ASSERT_EQ(loaded.config.credentials->infos.size(), 1U);
    EXPECT_EQ(loaded.config.credentials->infos.front().crl_urls,
              std::vector<std::string>{"http://crl.example/a.crl"});
}

TEST_F(Folders, AListThatAnAuthorityNamesAsAFileIsRead) {
    put("x509ca/root.crt", "root.crt");
    put("lists/root.crl", "root.crl");
    const auto named = [&](const std::string& file) {
        return load("authorities { ca { cacert = root.crt\n crl_uris = file:///s/lists/" + file +
                    " } }");
    };
    const Loaded loaded = named("root.crl");
    EXPECT_EQ(show(loaded.problems), "");
    ASSERT_EQ(loaded.config.credentials->crls.size(), 1U);
    EXPECT_EQ(loaded.config.credentials->crls.front().der(),
              x509::Crl::parse(x509::file("root.crl")).value().der());
    EXPECT_TRUE(loaded.config.credentials->infos.front().crl_urls.empty());
    const Loaded missing = named("none.crl");
    EXPECT_TRUE(missing.ok());
    EXPECT_NE(show(missing.problems).find("holds no list of revoked certificates"),
              std::string::npos)
        << show(missing.problems);
    put("lists/none.crl", "root.crt");
    EXPECT_NE(show(named("none.crl").problems).find("holds no list"), std::string::npos);
}

TEST_F(Folders, AReloadSeesWhatChanged) {
    put("x509/gw.crt", "gw.crt");
    put("private/gw.key", "gw.key");
    const Loaded before = load(conf("certs = gw.crt", ""));
    EXPECT_TRUE(compare(before.config, load(conf("certs = gw.crt", "")).config).empty());
    put("x509/gw.crt", "rsa.crt");
    const Changes changes = compare(before.config, load(conf("certs = gw.crt", "")).config);
    EXPECT_TRUE(changes.credentials);
    EXPECT_EQ(changes.changed, std::vector<std::string>{"gw"});
}

TEST(AuthWords, BecomeRules) {
    const auto remote = [](std::string_view auth) {
        const Loaded loaded = load_text(
            "connections { c { local { auth = psk }\n remote { auth = " + std::string{auth} +
            " } } }");
        EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
        return loaded.config.connections.front().remote;
    };
    EXPECT_TRUE(remote("pubkey").chain_rules.empty());
    EXPECT_EQ(to_string(remote("rsa-3072-sha256").chain_rules), "rsa-3072-sha256");
    EXPECT_EQ(to_string(remote("rsa-3072-sha256").auth_rules), "rsa-3072-sha256");
    EXPECT_EQ(to_string(remote("rsa-2048-ecdsa-256-sha384-sha512").chain_rules),
              "rsa-2048 or ecdsa-256-sha384-sha512");
    const auto both = remote("pubkey-sha256-ike:rsa/pss-sha512");
    EXPECT_EQ(to_string(both.chain_rules), "pubkey-sha256");
    EXPECT_EQ(to_string(both.auth_rules), "rsa/pss-sha512");
    EXPECT_EQ(to_string(remote("ed25519").auth_rules), "ed25519");
    for (const char* const bad : {"rsa-", "sha256", "rsa-sha99", "rsa-99999999999", "pubkey-"}) {
        EXPECT_FALSE(load_text("connections { c { local { auth = psk }\n remote { auth = " +
                               std::string{bad} + " } } }")
                         .ok())
            << bad;
    }
}

// swanctl sends a path, and not what the file holds: the daemon reads it.
TEST_F(Folders, ByViciAFileIsAPathOfTheDaemons) {
    const std::string path = (CertificateFiles::place() / "root.crt").string();
    const auto remote_with = [](const std::string& file) {
        return vici::Section{}.set(
            "remote", vici::Section{}.set("cacert-one", vici::Section{}.set("file", file)));
    };
    const LoadedConnection loaded = load_connection("gw", remote_with(path));
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    ASSERT_EQ(loaded.connection.remote.cacerts.size(), 1U);
    EXPECT_EQ(loaded.connection.remote.cacerts.front(), certificate("root"));
    EXPECT_TRUE(show(load_connection("gw", remote_with("/nowhere/at/all")).problems)
                    .contains("/nowhere/at/all cannot be read"));
}

}  // namespace
}  // namespace culvert::config
