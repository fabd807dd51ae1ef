#include "daemon/name_servers.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/scratch.hpp"

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
    const std::string path = test::scratch("resolv.conf");
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

// Make before break: the new IKE SA is given the same servers before the old one ends.
TEST(NameServers, StayAsLongAsOneIkeSaHasThem) {
    const std::string path = test::scratch("resolv.conf.twice");
    NameServerBook book{path};
    ASSERT_TRUE(book.clear());
    const ike::NameServers same{.connection = "one", .servers = {ip("10.1.0.53")}, .domains = {}};
    ASSERT_TRUE(book.use(same, true));
    ASSERT_TRUE(book.use(same, true));
    EXPECT_EQ(book.of("one").size(), 1U);
    EXPECT_EQ(contents(path), "nameserver 10.1.0.53   # by culvertd\n");
    ASSERT_TRUE(book.use(same, false));
    EXPECT_EQ(contents(path), "nameserver 10.1.0.53   # by culvertd\n");
    ASSERT_TRUE(book.use(same, false));
    EXPECT_EQ(contents(path), "");
    ASSERT_TRUE(book.use(same, false));  // of one that is not there nothing comes
}

TEST(NameServers, AFileThatCannotBeReadIsNotWritten) {
    NameServerBook folder{testing::TempDir()};
    EXPECT_FALSE(
        folder.use({.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}}, true));
    NameServerBook nowhere{""};
    EXPECT_TRUE(
        nowhere.use({.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}}, true));
}

// ---- by the program that sees to them

std::string shown(const HostResolver& resolver, const std::vector<ike::NameServers>& in_use) {
    std::string out;
    for (const Program& one : programs_for(resolver, in_use)) {
        out += one.command + "\n" + one.input;
    }
    return out;
}

TEST(HostResolver, ResolvedIsToldOfServersAndDomains) {
    const HostResolver resolved{HostResolverKind::resolved, "/usr/bin/resolvectl", "culvert0"};
    const ike::NameServers all{.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}};
    const ike::NameServers split{
        .connection = "b", .servers = {ip("fd00::53")}, .domains = {"corp.example", "-x", "a b"}};
    EXPECT_EQ(shown(resolved, {all}),
              "/usr/bin/resolvectl dns culvert0 10.1.0.53\n"
              "/usr/bin/resolvectl domain culvert0 ~.\n"
              "/usr/bin/resolvectl default-route culvert0 yes\n");
    EXPECT_EQ(shown(resolved, {split}),
              "/usr/bin/resolvectl dns culvert0 fd00::53\n"
              "/usr/bin/resolvectl domain culvert0 ~corp.example\n"
              "/usr/bin/resolvectl default-route culvert0 no\n");
    EXPECT_EQ(shown(resolved, {}), "/usr/bin/resolvectl revert culvert0\n");
}

TEST(HostResolver, ResolvconfReadsLines) {
    const HostResolver resolver{HostResolverKind::resolvconf, "/sbin/resolvconf", "culvert0"};
    const ike::NameServers all{.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}};
    const ike::NameServers split{
        .connection = "b", .servers = {ip("10.2.0.53")}, .domains = {"corp.example"}};
    EXPECT_EQ(shown(resolver, {all, split}),
              "/sbin/resolvconf -a culvert0\nnameserver 10.1.0.53\n");
    EXPECT_EQ(shown(resolver, {split}), "/sbin/resolvconf -d culvert0\n");
}

// A program in the place of resolvconf, run as the daemon does it.
TEST(HostResolver, ItsProgramIsRunWithItsInput) {
    const std::string script = test::scratch("resolvconf.sh");
    const std::string told = test::scratch("resolvconf.txt");
    std::ofstream{script} << "#!/bin/sh\necho \"$@\" >>" << told << "\ncat >>" << told << "\n";
    std::filesystem::permissions(script, std::filesystem::perms::owner_all);
    Loop loop;
    auto log = Log::open({}, true).value();
    ProgramQueue queue{loop, *log};
    NameServerBook book{""};
    book.hand_to({HostResolverKind::resolvconf, script, "culvert0"},
                 [&](Program program) { queue.add(std::move(program)); });
    ASSERT_TRUE(book.use({.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}}, true));
    ASSERT_TRUE(book.use({.connection = "a", .servers = {ip("10.1.0.53")}, .domains = {}}, false));
    const std::string wanted = "-a culvert0\nnameserver 10.1.0.53\n-d culvert0\n";
    const Instant until = Loop::now() + std::chrono::seconds{20};
    Timer look{loop, [&] {
                   if (contents(told) == wanted || Loop::now() > until) { return loop.stop(); }
                   look.set_in(std::chrono::milliseconds{5});
               }};
    look.set_in(std::chrono::milliseconds{5});
    loop.run({});
    EXPECT_EQ(contents(told), wanted);
}

// What a child process without any rights finds: 'y', 'n' or, where it cannot see it, '?'; 's'
// where this cannot be tried here.
char seen_without_rights(bool in_own_namespace) {
    const pid_t child = ::fork();
    if (child == 0) {
        constexpr uid_t nobody = 65534;
        if ((in_own_namespace && ::unshare(CLONE_NEWNET) != 0) || ::setuid(nobody) != 0) {
            ::_exit('s');
        }
        const auto of_host = in_network_namespace_of_host();
        ::_exit(!of_host ? '?' : *of_host ? 'y' : 'n');
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return static_cast<char>(WEXITSTATUS(status));
}

TEST(HostResolver, KnowsTheNetworkOfTheHostWithoutRights) {
    const auto here = in_network_namespace_of_host();
    const char without = seen_without_rights(false);
    if (!here || without == 's') { GTEST_SKIP() << "needs root and a /proc that hides nothing"; }
    EXPECT_EQ(without, *here ? 'y' : 'n');
}

TEST(HostResolver, KnowsANetworkOfItsOwn) {
    const char without = seen_without_rights(true);
    if (without == 's' || without == '?') { GTEST_SKIP() << "needs root and all of /proc"; }
    EXPECT_EQ(without, 'n');
}

}  // namespace
}  // namespace culvert::daemon
