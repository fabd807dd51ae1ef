#include "daemon/lease_store.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

namespace culvert::daemon {
namespace {

struct Fixture : testing::Test {
    Fixture() { std::filesystem::create_directories(folder); }
    ~Fixture() override { std::filesystem::remove_all(folder); }
    Fixture(const Fixture&) = delete;
    Fixture& operator=(const Fixture&) = delete;
    Fixture(Fixture&&) = delete;
    Fixture& operator=(Fixture&&) = delete;

    std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("culvert-leases-" + std::to_string(::getpid()));
    std::string path = folder / "leases.sqlite";
};
using LeaseStoreTest = Fixture;

ike::Lease lease(std::string_view address, std::string_view who) {
    return {.pool = "p",
            .address = IpAddress::parse(address).value(),
            .identity = ike::Identity::parse(who).value(),
            .users = 1,
            .holder = {}};
}

TEST_F(LeaseStoreTest, KeepsWhoHasWhatOverARestart) {
    {
        auto store = LeaseStore::open(path);
        ASSERT_TRUE(store);
        ASSERT_TRUE(store->keep(lease("10.3.0.1", "a.example")));
        ASSERT_TRUE(store->keep(lease("fd00::1", "a.example")));
        ASSERT_TRUE(store->keep(lease("10.3.0.2", "C=CH, CN=b")));
        ASSERT_TRUE(store->keep(lease("10.3.0.1", "c.example")));  // changed hands
    }
    auto store = LeaseStore::open(path);
    ASSERT_TRUE(store);
    ike::LeaseBook book;
    ASSERT_TRUE(store->load(book));
    const auto leases = book.leases();
    ASSERT_EQ(leases.size(), 3U);
    EXPECT_EQ(leases[0].address.to_string(), "10.3.0.1");
    EXPECT_EQ(leases[0].identity.to_string(), "c.example");
    EXPECT_EQ(leases[1].identity.to_string(), "C=CH, CN=b");
    EXPECT_EQ(leases[2].address.to_string(), "fd00::1");
    EXPECT_EQ(leases[0].users, 0U);
}

TEST_F(LeaseStoreTest, ADamagedFileIsRefusedWithItsName) {
    std::ofstream{path} << "this is no database, whatever it is, and long enough to be read";
    const auto store = LeaseStore::open(path);
    ASSERT_FALSE(store);
    EXPECT_NE(explain(store.error()).find(path), std::string::npos);
}

}  // namespace
}  // namespace culvert::daemon
