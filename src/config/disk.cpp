// The files of this machine.

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/tree.hpp"

namespace culvert::config {
namespace {

Error cannot_read(const std::string& path, int error_number) {
    Error error = system_error(fmt::format("to read {}", printable(path)), error_number);
    if (error_number == ENOENT || error_number == ENOTDIR) {
        error.code = ErrorCode::not_found;
        error.remedy = "create the file, or name another one";
    } else if (error_number == EACCES || error_number == EPERM) {
        error.code = ErrorCode::permission;
        error.remedy = "run as root, or let this user read the file";
    }
    return error;
}

Error not_a_file(const std::string& path) {
    return {.code = ErrorCode::system,
            .wanted = fmt::format("to read {}", printable(path)),
            .received = "it is no file",
            .remedy = "name a file"};
}

Error file_too_large(const std::string& path) {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("to read {}", printable(path)),
            .received = fmt::format("it is larger than {} octets", file_size_max)};
}

class Descriptor {
 public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    Descriptor(Descriptor&&) = delete;
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) { close(fd_); }
    }
    int get() const { return fd_; }

 private:
    int fd_;
};

// For what whoever has the other end of a pipe still writes.
bool waited(int fd) {
    pollfd one{.fd = fd, .events = POLLIN, .revents = 0};
    return poll(&one, 1, pipe_patience_ms) == 1;
}

class Disk : public FileSystem {
 public:
    Result<File> read(const std::string& path) const override {
        // Nobody at the other end of a FIFO must not make us wait.
        const Descriptor fd{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
        if (fd.get() < 0) { return std::unexpected(cannot_read(path, errno)); }
        struct stat about{};
        if (fstat(fd.get(), &about) != 0) { return std::unexpected(cannot_read(path, errno)); }
        if (!S_ISREG(about.st_mode) && !S_ISFIFO(about.st_mode) && !S_ISCHR(about.st_mode)) {
            return std::unexpected(not_a_file(path));
        }
        File out{.others_may_read = (about.st_mode & S_IROTH) != 0};
        std::array<char, 65536> chunk{};
        while (true) {
            if (S_ISFIFO(about.st_mode) && !waited(fd.get())) {
                return std::unexpected(cannot_read(path, ETIMEDOUT));
            }
            const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
            if (count < 0 && errno == EINTR) { continue; }
            if (count < 0 && errno == EAGAIN && S_ISFIFO(about.st_mode)) { continue; }
            if (count < 0) { return std::unexpected(cannot_read(path, errno)); }
            if (count == 0) { return out; }
            out.text.append(chunk.data(), static_cast<std::size_t>(count));
            if (out.text.size() > file_size_max) { return std::unexpected(file_too_large(path)); }
        }
    }

    Result<std::vector<std::string>> glob(const std::string& pattern) const override {
        glob_t found{};
        // A folder that is not there holds no files; one that we may not read is an error.
        const auto on_error = [](const char*, int error_number) {
            return error_number == ENOENT || error_number == ENOTDIR ? 0 : 1;
        };
        const int status = ::glob(pattern.c_str(), 0, on_error, &found);
        const std::unique_ptr<glob_t, void (*)(glob_t*)> guard{&found, globfree};
        if (status == GLOB_NOMATCH) { return std::vector<std::string>{}; }
        if (status != 0) {
            return std::unexpected(cannot_read(pattern, status == GLOB_NOSPACE ? ENOMEM : EACCES));
        }
        return std::vector<std::string>(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }

    std::string identity(const std::string& path) const override {
        const std::unique_ptr<char, void (*)(void*)> real{realpath(path.c_str(), nullptr),
                                                          std::free};
        return real ? std::string{real.get()} : path;
    }
};

}  // namespace

const FileSystem& disk() {
    static const Disk real;
    return real;
}

}  // namespace culvert::config
