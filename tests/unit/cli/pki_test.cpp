// Keys and certificates that are written: both or neither, where they were asked for.

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "cli/commands.hpp"
#include "fake_daemon.hpp"

namespace culvert::cli {
namespace {

namespace fs = std::filesystem;

class Pki : public testing::Test {
 protected:
    Pki() {
        std::string pattern = testing::TempDir() + "culvert-pki-XXXXXX";
        folder = mkdtemp(pattern.data()) == nullptr ? "" : pattern;
        before = fs::current_path();
    }
    Pki(const Pki&) = delete;
    Pki& operator=(const Pki&) = delete;
    Pki(Pki&&) = delete;
    Pki& operator=(Pki&&) = delete;
    ~Pki() override {
        fs::current_path(before);
        std::error_code ignored;
        fs::remove_all(folder, ignored);
    }

    std::string folder;
    fs::path before;
    FakeDaemon daemon;
    Paper paper;
    Context context{.output = paper, .open = daemon.opener()};
};

TEST_F(Pki, AKeyGoesIntoAPlainFileName) {
    fs::current_path(folder);
    EXPECT_EQ(keygen(context, "gw.key", "ed25519"), Exit::ok) << paper.errors;
    EXPECT_TRUE(fs::exists("gw.key"));
    EXPECT_TRUE(fs::exists("gw.key.pub"));
}

TEST_F(Pki, AKeyMakesNoFolders) {
    EXPECT_EQ(keygen(context, folder + "/no/such/gw.key", "ed25519"), Exit::failed);
    EXPECT_TRUE(paper.errors.contains("make the folder")) << paper.errors;
    EXPECT_FALSE(fs::exists(folder + "/no"));
}

TEST_F(Pki, WithoutItsPublicKeyThereIsNoKey) {
    std::ofstream{folder + "/gw.key.pub"} << "there already";
    EXPECT_EQ(keygen(context, folder + "/gw.key", "ed25519"), Exit::failed);
    EXPECT_FALSE(fs::exists(folder + "/gw.key"));
}

TEST_F(Pki, ACertificateThatIsThereGetsNoOtherKey) {
    PkiWishes wishes;
    wishes.folder = folder;
    wishes.days = 30;
    wishes.names = {"Example"};
    ASSERT_EQ(pki_authority(context, wishes), Exit::ok) << paper.errors;
    wishes.names = {"gw.example"};
    ASSERT_EQ(pki_issue(context, wishes), Exit::ok) << paper.errors;
    fs::remove(folder + "/private/gw.example.key");
    EXPECT_EQ(pki_issue(context, wishes), Exit::failed);
    EXPECT_FALSE(fs::exists(folder + "/private/gw.example.key"));
    EXPECT_TRUE(paper.errors.contains("move that file away")) << paper.errors;
}

}  // namespace
}  // namespace culvert::cli
