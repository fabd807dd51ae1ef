// Files that are none: what a shell's <(...) gives, and /dev/null.

#include <string>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/tree.hpp"

namespace culvert::config {
namespace {

TEST(Disk, ReadsAPipeToItsEnd) {
    const std::string path = testing::TempDir() + "culvert-pipe-" + std::to_string(::getpid());
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    // More than a pipe holds: it comes in pieces, whoever is the faster one.
    const std::string text(200'000, '#');
    std::thread writer{[&] {
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        ::close(fd);
    }};
    const auto file = disk().read(path);
    writer.join();
    ::unlink(path.c_str());
    ASSERT_TRUE(file) << explain(file.error());
    EXPECT_EQ(file->text, text);
}

TEST(Disk, ReadsNothingFromTheNullDevice) {
    const auto file = disk().read("/dev/null");
    ASSERT_TRUE(file) << explain(file.error());
    EXPECT_EQ(file->text, "");
}

TEST(Disk, RefusesAFolder) { EXPECT_FALSE(disk().read("/tmp")); }

}  // namespace
}  // namespace culvert::config
