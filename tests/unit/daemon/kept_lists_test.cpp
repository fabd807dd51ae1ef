#include "daemon/kept_lists.hpp"

#include <chrono>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "certificate_files.hpp"

namespace culvert::daemon {
namespace {

using x509::certificate;
using x509::file;

struct KeptListsTest : testing::Test {
    void SetUp() override { NEED_LISTS(); }
    void TearDown() override { std::filesystem::remove_all(folder); }

    // The list of an authority, from the URL that all of them name.
    static ike::FetchRevocation of(const std::string& authority) {
        return {.id = 1,
                .kind = ike::FetchRevocation::Kind::crl,
                .url = "http://crl.example/list.crl",
                .request = certificate(authority).der()};
    }

    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("culvert-lists-" + std::to_string(::getpid()));
    KeptLists lists{folder};
    x509::Time now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
};

TEST_F(KeptListsTest, GivesBackWhatItsAuthoritySignedUntilItIsOutOfDate) {
    EXPECT_FALSE(lists.find(of("roll1"), now));
    lists.keep(of("roll1"), file("roll1.crl"));
    EXPECT_EQ(lists.find(of("roll1"), now), file("roll1.crl"));
    EXPECT_FALSE(lists.find(of("roll1"), now + std::chrono::days{31}));
    lists.forget();
    EXPECT_FALSE(lists.find(of("roll1"), now));
}

// One of the right name, made by a stranger or by the key that the authority has now.
TEST_F(KeptListsTest, KeepsNothingThatAnotherKeySigned) {
    lists.keep(of("roll1"), file("roll2.crl"));
    EXPECT_FALSE(lists.find(of("roll1"), now));
    lists.keep(of("roll1"), file("roll1.crl"));
    lists.keep(of("roll1"), file("roll2.crl"));
    EXPECT_EQ(lists.find(of("roll1"), now), file("roll1.crl"));
}

TEST_F(KeptListsTest, TwoKeysOfOneNameMayShareAUrl) {
    lists.keep(of("roll1"), file("roll1.crl"));
    lists.keep(of("roll2"), file("roll2.crl"));
    EXPECT_EQ(lists.find(of("roll1"), now), file("roll1.crl"));
    EXPECT_EQ(lists.find(of("roll2"), now), file("roll2.crl"));
}

}  // namespace
}  // namespace culvert::daemon
