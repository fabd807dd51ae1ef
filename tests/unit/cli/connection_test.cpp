#include "cli/connection.hpp"

#include <filesystem>
#include <string>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace culvert::cli {
namespace {

// The path of a socket that was bound, and (unless it listens) has nobody behind it.
class Socket {
 public:
    explicit Socket(bool listens) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        path = testing::TempDir() + "culvert-cli." + std::to_string(::getpid());
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.copy(static_cast<char*>(address.sun_path), sizeof(address.sun_path) - 1);
        std::filesystem::remove(path);
        ok = ::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
             (!listens || ::listen(fd_, 1) == 0);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    Socket(Socket&&) = delete;
    Socket& operator=(Socket&&) = delete;
    ~Socket() {
        ::close(fd_);
        std::filesystem::remove(path);
    }
    std::string path;
    bool ok = false;

 private:
    int fd_;
};

TEST(Connection, OpensWhereADaemonListens) {
    const Socket socket{true};
    ASSERT_TRUE(socket.ok);
    EXPECT_TRUE(open_daemon("unix://" + socket.path).has_value());
}

TEST(Connection, SaysThatNoDaemonListens) {
    const auto none = open_daemon("unix:///nowhere/vici.sock");
    ASSERT_FALSE(none.has_value());
    EXPECT_EQ(none.error().code, ErrorCode::not_found);
    EXPECT_EQ(none.error().wanted, "culvertd on /nowhere/vici.sock");
    EXPECT_NE(none.error().remedy.find("start culvertd"), std::string::npos);
}

TEST(Connection, SaysThatTheDaemonIsDead) {
    const Socket socket{false};
    ASSERT_TRUE(socket.ok);
    const auto dead = open_daemon("unix://" + socket.path);
    ASSERT_FALSE(dead.has_value());
    EXPECT_EQ(dead.error().code, ErrorCode::not_found);
    EXPECT_NE(dead.error().received.find("dead daemon"), std::string::npos);
}

TEST(Connection, SaysThatWeMayNot) {
    const Socket socket{true};
    ASSERT_TRUE(socket.ok);
    std::filesystem::permissions(socket.path, std::filesystem::perms::none);
    const uid_t nobody = 65534;
    const bool was_root = ::geteuid() == 0;
    if (was_root && ::seteuid(nobody) != 0) { GTEST_SKIP() << "cannot become another user"; }
    const auto refused = open_daemon("unix://" + socket.path);
    if (was_root) { ASSERT_EQ(::seteuid(0), 0); }
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::permission);
    EXPECT_NE(refused.error().remedy.find("root"), std::string::npos);
}

TEST(Connection, RefusesWhatIsNoUnixSocket) {
    const auto tcp = open_daemon("tcp://127.0.0.1:4502");
    ASSERT_FALSE(tcp.has_value());
    EXPECT_EQ(tcp.error().code, ErrorCode::not_built);
    EXPECT_FALSE(open_daemon("ftp://x").has_value());
    EXPECT_FALSE(open_daemon("unix:///" + std::string(200, 'x')).has_value());
}

}  // namespace
}  // namespace culvert::cli
