// Which list that comes by VICI takes the place of which.

#include "daemon/credential_store.hpp"

#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "certificate_files.hpp"

namespace culvert::daemon {
namespace {

struct CredentialStoreLists : testing::Test {
    void SetUp() override { NEED_LISTS(); }
    static x509::Crl list(const std::string& name) {
        return x509::Crl::parse(x509::file(name + ".crl")).value();
    }
    bool has(const std::string& name) const {
        const auto all = store.all();
        return std::ranges::any_of(
            all->crls, [&](const x509::Crl& one) { return one.der() == list(name).der(); });
    }
    CredentialStore store;
};

TEST_F(CredentialStoreLists, PartsOfOneAuthorityAreBothKept) {
    for (const std::string name : {"part12", "part3", "users", "authorities"}) {
        store.put(list(name));
    }
    for (const std::string name : {"part12", "part3", "users", "authorities"}) {
        EXPECT_TRUE(has(name)) << name;
    }
}

// swanctl --load-all clears, and loads the folders again: they stay the file's.
TEST_F(CredentialStoreLists, WhatViciLoadsAsTheFilesHaveItGoesWithThem) {
    const auto with = [](const std::vector<std::string>& names) {
        auto out = std::make_shared<ike::CredentialSet>();
        for (const std::string& name : names) {
            out->authorities.push_back(x509::certificate(name));
        }
        return out;
    };
    const auto trusts = [this](const std::string& name) {
        const auto all = store.all();
        return std::ranges::find(all->authorities, x509::certificate(name)) !=
               all->authorities.end();
    };
    store.replace_file(with({"root", "roll1"}));
    store.clear();
    EXPECT_FALSE(trusts("root"));
    store.put(x509::certificate("root"), CertificateUse::authority);
    store.put(x509::certificate("roll1"), CertificateUse::authority);
    store.put(x509::certificate("roll2"), CertificateUse::authority);
    EXPECT_TRUE(trusts("root") && trusts("roll1") && trusts("roll2"));
    ASSERT_EQ(store.by_vici_alone().size(), 1U);
    store.replace_file(with({"root"}));
    EXPECT_TRUE(trusts("root") && trusts("roll2"));
    EXPECT_FALSE(trusts("roll1"));
}

TEST_F(CredentialStoreLists, ANewerOneTakesThePlaceOfAnOlderOne) {
    store.put(list("hold-1"));
    store.put(list("hold-2"));
    EXPECT_FALSE(has("hold-1"));
    EXPECT_TRUE(has("hold-2"));
}

TEST_F(CredentialStoreLists, ThoseOfTwoKeysOfOneNameAreBothKept) {
    store.put(list("roll1"));
    store.put(list("roll2"));
    EXPECT_TRUE(has("roll1"));
    EXPECT_TRUE(has("roll2"));
}

TEST_F(CredentialStoreLists, AndSoWhereOnlyTheSignatureTellsThemApart) {
    store.put(x509::certificate("roll1"), CertificateUse::authority);
    store.put(list("roll1-bare"));
    store.put(list("roll2-bare"));
    EXPECT_TRUE(has("roll1-bare"));
    EXPECT_TRUE(has("roll2-bare"));
}

}  // namespace
}  // namespace culvert::daemon
