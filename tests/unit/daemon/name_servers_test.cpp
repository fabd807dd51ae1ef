#include "daemon/name_servers.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

std::string contents(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

IpAddress ip(std::string_view text) { return *IpAddress::parse(text); }

TEST(NameServers, StandInFrontAndGoAgain) {
    const std::string before = "# mine\nsearch example.org\nnameserver 192.0.2.53";
    const std::string with = with_name_servers(before, {ip("10.1.0.53"), ip("fd00::53")});
    EXPECT_EQ(with, "nameserver 10.1.0.53   # by culvertd\nnameserver fd00::53   # by culvertd\n" +
                        before);
    EXPECT_EQ(with_name_servers(with, {}), before);
    EXPECT_EQ(with_name_servers(with, {ip("10.1.0.53")}),
              "nameserver 10.1.0.53   # by culvertd\n" + before);
    EXPECT_EQ(with_name_servers("", {}), "");
}

TEST(NameServers, TheFileFollowsTheConnections) {
    const std::string path = testing::TempDir() + "culvert-resolv.conf";
    std::ofstream{path} << "nameserver 10.9.9.9   # by culvertd\nnameserver 192.0.2.53\n";
    NameServerBook book{path};
    ASSERT_TRUE(book.clear());  // what a crash left
    EXPECT_EQ(contents(path), "nameserver 192.0.2.53\n");
    const ike::NameServers one{.connection = "one", .servers = {ip("10.1.0.53")}, .domains = {}};
    const ike::NameServers two{.connection = "two", .servers = {ip("10.2.0.53")}, .domains = {}};
    const ike::NameServers split{
        .connection = "split", .servers = {ip("10.3.0.53")}, .domains = {"example.org"}};
    ASSERT_TRUE(book.use(one, true));
    ASSERT_TRUE(book.use(two, true));
    ASSERT_TRUE(book.use(split, true));
    EXPECT_EQ(contents(path),
              "nameserver 10.2.0.53   # by culvertd\nnameserver 10.1.0.53   # by culvertd\n"
              "nameserver 192.0.2.53\n");
    EXPECT_EQ(book.of("split"), std::vector<IpAddress>{ip("10.3.0.53")});
    ASSERT_TRUE(book.use(two, false));
    EXPECT_TRUE(book.of("two").empty());
    ASSERT_TRUE(book.clear());
    EXPECT_EQ(contents(path), "nameserver 192.0.2.53\n");
}

TEST(NameServers, AFileThatCannotBeReadIsNotWritten) {
    NameServerBook folder{testing::TempDir()};
    EXPECT_FALSE(
        folder.use({.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}}, true));
    NameServerBook nowhere{""};
    EXPECT_TRUE(
        nowhere.use({.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}}, true));
}

}  // namespace
}  // namespace culvert::daemon
