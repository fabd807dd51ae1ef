#include "cli/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "vici/uri.hpp"

namespace culvert::cli {
namespace {

class UnixStream final : public vici::ByteStream {
 public:
    explicit UnixStream(int fd) : fd_(fd) {}
    UnixStream(const UnixStream&) = delete;
    UnixStream& operator=(const UnixStream&) = delete;
    UnixStream(UnixStream&&) = delete;
    UnixStream& operator=(UnixStream&&) = delete;
    ~UnixStream() override { ::close(fd_); }

    Status write(ByteView octets) override {
        while (!octets.empty()) {
            const ssize_t sent = ::send(fd_, octets.data(), octets.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno == EINTR) { continue; }
            if (sent < 0) { return std::unexpected(system_error("to write to the daemon", errno)); }
            octets = octets.subspan(static_cast<std::size_t>(sent));
        }
        return {};
    }

    Result<std::size_t> read(MutableByteView into) override {
        for (;;) {
            const ssize_t got = ::recv(fd_, into.data(), into.size(), 0);
            if (got >= 0) { return static_cast<std::size_t>(got); }
            if (errno != EINTR) {
                return std::unexpected(system_error("to read from the daemon", errno));
            }
        }
    }

 private:
    int fd_;
};

Error not_reachable(const std::string& path, int error_number) {
    Error error = system_error(fmt::format("culvertd on {}", path), error_number);
    error.code = error_number == EACCES || error_number == EPERM ? ErrorCode::permission
                                                                 : ErrorCode::not_found;
    if (error.code == ErrorCode::permission) {
        error.remedy = "run it as root, or as a member of the group that owns the socket";
    } else if (error_number == ECONNREFUSED) {
        error.remedy = "start culvertd: the socket is one that a dead daemon left";
    } else {
        error.remedy = "start culvertd, or name its socket with --vici URI";
    }
    return error;
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

}  // namespace

struct Connection::Impl {
    Impl(int fd, std::string where) : stream(fd), client(stream), uri(std::move(where)) {}
    UnixStream stream;
    vici::Client client;
    std::string uri;
};

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&&) noexcept = default;
Connection::~Connection() = default;
vici::Client& Connection::client() { return impl_->client; }
const std::string& Connection::uri() const { return impl_->uri; }

Result<Connection> Connection::open(std::string_view uri) {
    const auto try_one = [](std::string_view text) -> Result<Connection> {
        const auto parsed = vici::Uri::parse(text);
        if (!parsed) { return std::unexpected(parsed.error()); }
        if (parsed->path.empty()) {
            return std::unexpected(Error{.code = ErrorCode::not_built,
                                         .wanted = "a daemon over TCP",
                                         .received = std::string{text},
                                         .remedy = "name its Unix socket: unix:///path"});
        }
        const auto fd = dial(parsed->path);
        if (!fd) { return std::unexpected(fd.error()); }
        return Connection{std::make_unique<Impl>(*fd, std::string{text})};
    };
    if (!uri.empty()) { return try_one(uri); }
    // The first may be another daemon's: ours then listens at the second.
    auto second = try_one(vici::second_uri);
    if (second) { return second; }
    return try_one(vici::default_uri);
}

}  // namespace culvert::cli
