#include "daemon/listen_socket.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "plane/socket_address.hpp"

namespace culvert::daemon {
namespace {

constexpr int backlog = 64;

Error cannot_listen(const vici::Uri& uri, int error_number) {
    Error out = system_error(fmt::format("to serve VICI on {}", uri.to_string()), error_number);
    if (error_number == EACCES || error_number == EPERM || error_number == EROFS) {
        out.code = ErrorCode::permission;
        out.remedy = "run as root, or name a socket where this user may make one (--vici)";
    } else if (error_number == EADDRINUSE) {
        out.code = ErrorCode::address_in_use;
        out.remedy = "stop the other program, or name another address (--vici)";
    } else {
        out.remedy = "name another address (--vici)";
    }
    return out;
}

Error not_a_socket(const vici::Uri& uri) {
    return {.code = ErrorCode::already_exists,
            .wanted = fmt::format("to make the VICI socket {}", uri.path),
            .received = "something that is no socket is there",
            .remedy = "move it away, or name another socket (--vici)"};
}

sockaddr_un address_of(const std::string& path) {
    sockaddr_un out{};
    out.sun_family = AF_UNIX;
    std::memcpy(static_cast<char*>(out.sun_path), path.data(), path.size());  // Uri checked it
    return out;
}

// The socket calls take any family behind one pointer type.
const sockaddr* generic(const void* address) { return static_cast<const sockaddr*>(address); }

bool somebody_answers(const sockaddr_un& address) {
    const plane::FileDescriptor probe{
        ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    return ::connect(probe.get(), generic(&address), sizeof address) == 0 || errno == EAGAIN;
}

Result<plane::FileDescriptor> listen_unix(const vici::Uri& uri) {
    const sockaddr_un address = address_of(uri.path);
    struct stat found{};
    if (::lstat(uri.path.c_str(), &found) == 0) {
        if (!S_ISSOCK(found.st_mode)) { return std::unexpected(not_a_socket(uri)); }
        if (somebody_answers(address)) { return std::unexpected(vici_socket_in_use(uri)); }
        ::unlink(uri.path.c_str());
    } else {
        std::error_code ignored;  // bind says what is wrong
        std::filesystem::create_directories(std::filesystem::path{uri.path}.parent_path(), ignored);
    }
    plane::FileDescriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    // The socket never exists with more rights than it is to have; one thread runs yet.
    const mode_t before = ::umask(0117);
    const int bound = ::bind(socket.get(), generic(&address), sizeof address);
    const int bind_error = errno;
    ::umask(before);
    if (bound != 0) { return std::unexpected(cannot_listen(uri, bind_error)); }
    if (::listen(socket.get(), backlog) != 0) { return std::unexpected(cannot_listen(uri, errno)); }
    return socket;
}

Result<plane::FileDescriptor> listen_tcp(const vici::Uri& uri) {
    const auto address = plane::SocketAddress::of(uri.endpoint);
    plane::FileDescriptor socket{::socket(plane::address_family(uri.endpoint.address.family()),
                                          SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(socket.get(), address.data(), address.length) != 0 ||
        ::listen(socket.get(), backlog) != 0) {
        return std::unexpected(cannot_listen(uri, errno));
    }
    return socket;
}

}  // namespace

Error vici_socket_in_use(const vici::Uri& uri) {
    return {.code = ErrorCode::address_in_use,
            .wanted = fmt::format("to serve VICI on {}", uri.to_string()),
            .received = "another daemon answers there",
            .remedy = "stop it, or give this one a socket of its own (--vici unix:///path)"};
}

Result<plane::FileDescriptor> listen_on(const vici::Uri& uri) {
    return uri.path.empty() ? listen_tcp(uri) : listen_unix(uri);
}

std::string describe_peer(int descriptor) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid != 0) {
        return fmt::format("pid {}, uid {}, gid {}", peer.pid, peer.uid, peer.gid);
    }
    return "over TCP";
}

}  // namespace culvert::daemon
