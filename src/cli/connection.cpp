#include "cli/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "vici/uri.hpp"

namespace culvert::cli {
namespace {

Error broken(std::string_view what, int error_number) {
    Error error = system_error(what, error_number);
    if (error_number == EAGAIN) {
        error.code = ErrorCode::timed_out;
        error.received = "nothing for a long time: it hangs, or has too much to do";
    }
    return error;
}

class UnixStream final : public vici::ByteStream {
 public:
    explicit UnixStream(int fd) : fd_(fd) {}
    void wait_at_most(std::chrono::seconds patience) const {
        const timeval limit{.tv_sec = patience.count(), .tv_usec = 0};
        ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    UnixStream(const UnixStream&) = delete;
    UnixStream& operator=(const UnixStream&) = delete;
    UnixStream(UnixStream&&) = delete;
    UnixStream& operator=(UnixStream&&) = delete;
    ~UnixStream() override { ::close(fd_); }

    Status write(ByteView octets) override {
        while (!octets.empty()) {
            const ssize_t sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) { continue; }
            if (sent < 0) { return std::unexpected(broken("to write to the daemon", errno)); }
            octets = octets.subspan(static_cast<std::size_t>(sent));
        }
        return {};
    }

    Result<std::size_t> read(MutableByteView into) override {
        for (;;) {
            const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
            if (got >= 0) { return static_cast<std::size_t>(got); }
            if (errno != EINTR) {
                return std::unexpected(broken("to read from the daemon", errno));
            }
        }
    }

 private:
    int fd_;
};

Error no_tcp(std::string_view uri) {
    return {.code = ErrorCode::not_built,
            .wanted = "a daemon over TCP",
            .received = std::string{uri},
            .remedy = "name its Unix socket: unix:///path"};
}

Error not_reachable(const std::string& path, int error_number) {
    Error error = system_error(fmt::format("culvertd on {}", path), error_number);
    switch (error_number) {
        case EACCES:
        case EPERM:
            error.code = ErrorCode::permission;
            error.remedy = "run culvert as root (sudo), or as a member of the socket's group";
            break;
        case ECONNREFUSED:
            error.code = ErrorCode::not_found;
            error.received += ": the socket is one that a dead daemon left";
            error.remedy = "start culvertd (systemctl start culvert)";
            break;
        case ENOENT:
            error.code = ErrorCode::not_found;
            error.received += ": no daemon listens there";
            error.remedy =
                "start culvertd (systemctl start culvert), or name its socket with --vici URI";
            break;
        default: error.remedy = "look at the daemon's log (journalctl -u culvert)"; break;
    }
    return error;
}

// Neither place has one.
Error nobody_listens(Error first) {
    first.wanted =
        fmt::format("culvertd on {} or {}", vici::Uri::parse(vici::second_uri).value().path,
                    vici::Uri::parse(vici::default_uri).value().path);
    return first;
}

Result<int> dial(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return std::unexpected(
            Error{.code = ErrorCode::config,
                  .wanted = fmt::format("a socket path below {} octets", sizeof address.sun_path),
                  .received = path,
                  .remedy = "choose a shorter one"});
    }
    std::ranges::copy(path, static_cast<char*>(address.sun_path));
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) { return std::unexpected(system_error("to make a socket", errno)); }
    // The socket interface takes every address through its common head.
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        return fd;
    }
    const int why = errno;
    ::close(fd);
    return std::unexpected(not_reachable(path, why));
}

Result<std::unique_ptr<UnixStream>> open_one(std::string_view text) {
    const auto uri = vici::Uri::parse(text);
    if (!uri) { return std::unexpected(uri.error()); }
    if (uri->path.empty()) { return std::unexpected(no_tcp(text)); }
    const auto fd = dial(uri->path);
    if (!fd) { return std::unexpected(fd.error()); }
    return std::make_unique<UnixStream>(*fd);
}

Result<std::unique_ptr<UnixStream>> open_first(std::string_view uri) {
    if (!uri.empty()) { return open_one(uri); }
    // The first may be another daemon's: ours then listens at the second.
    auto second = open_one(vici::second_uri);
    if (second) { return second; }
    auto first = open_one(vici::default_uri);
    if (first || first.error().code == ErrorCode::permission) { return first; }
    // "Permission denied" is the better word of the two: there a daemon is.
    if (second.error().code == ErrorCode::permission) { return second; }
    return std::unexpected(nobody_listens(first.error()));
}

}  // namespace

Result<std::unique_ptr<vici::ByteStream>> open_daemon(std::string_view uri) {
    return open_first(uri);
}

Result<std::unique_ptr<vici::ByteStream>> open_daemon_within(std::string_view uri,
                                                             std::chrono::seconds patience) {
    auto stream = open_first(uri);
    if (stream) { (*stream)->wait_at_most(patience); }
    return stream;
}

}  // namespace culvert::cli
