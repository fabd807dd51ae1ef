#include "plane/tcp_socket.hpp"

#include <cerrno>

#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/message_io.hpp"
#include "plane/socket_address.hpp"

namespace culvert::plane {
namespace {

Error no_tcp_port(std::uint16_t port, int error_number) {
    if (error_number != EADDRINUSE) {
        return system_error(fmt::format("to open TCP port {}", port), error_number);
    }
    return {.code = ErrorCode::address_in_use,
            .wanted = fmt::format("TCP port {}, for IKE over TCP", port),
            .received = "it is in use by another program",
            .remedy = fmt::format("stop the other one (ss -tlnp 'sport = :{}' shows which), set "
                                  "charon.culvert_tcp_port, or charon.culvert_tcp_listen = no",
                                  port)};
}

Result<FileDescriptor> open_tcp(IpFamily family, const TcpOptions& options) {
    FileDescriptor fd{
        ::socket(address_family(family), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP)};
    if (!fd) {
        Error error = system_error("a TCP socket", errno);
        if (errno == EAFNOSUPPORT) { error.code = ErrorCode::unsupported; }
        return std::unexpected(std::move(error));
    }
    if (auto done = set_mark(fd.get(), options.mark, options.mark_needed); !done) {
        return std::unexpected(std::move(done).error());
    }
    return fd;
}

template <class Get>
Endpoint end_of(int fd, Get get) {
    SocketAddress address;
    address.length = sizeof address.storage;
    if (get(fd, address.data(), &address.length) != 0) { return {}; }
    return address.endpoint().value_or(Endpoint{});
}

}  // namespace

Result<FileDescriptor> listen_tcp(IpFamily family, std::uint16_t port, const TcpOptions& options) {
    auto fd = open_tcp(family, options);
    if (!fd) { return fd; }
    // Connections of the time before a restart must not keep us from listening.
    static_cast<void>(set_option(fd->get(), SOL_SOCKET, SO_REUSEADDR, 1));
    if (family == IpFamily::v6) {
        static_cast<void>(set_option(fd->get(), IPPROTO_IPV6, IPV6_V6ONLY, 1));
    }
    const SocketAddress wanted = SocketAddress::of({IpAddress::any(family), port});
    if (::bind(fd->get(), wanted.data(), wanted.length) != 0) {
        const int error = errno;
        Error why = no_tcp_port(port, error);
        if (error == EADDRNOTAVAIL) { why.code = ErrorCode::unsupported; }
        return std::unexpected(std::move(why));
    }
    if (::listen(fd->get(), tcp_backlog) != 0) { return std::unexpected(no_tcp_port(port, errno)); }
    return fd;
}

Result<FileDescriptor> begin_tcp(const IpAddress& local, const Endpoint& remote,
                                 const TcpOptions& options) {
    auto fd = open_tcp(remote.address.family(), options);
    if (!fd) { return fd; }
    prepare_tcp(fd->get());
    if (!local.is_any() && local.family() == remote.address.family()) {
        // The port is chosen when the peer is known.
        static_cast<void>(set_option(fd->get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1));
        const SocketAddress from = SocketAddress::of({local, 0});
        if (::bind(fd->get(), from.data(), from.length) != 0) {
            return std::unexpected(
                system_error("to leave from " + local.to_string() + " by TCP", errno));
        }
    }
    const SocketAddress to = SocketAddress::of(remote);
    if (::connect(fd->get(), to.data(), to.length) != 0 && errno != EINPROGRESS) {
        return std::unexpected(system_error("to reach " + remote.to_string() + " by TCP", errno));
    }
    return fd;
}

void prepare_tcp(int fd) {
    const auto set = [fd](int level, int name, int value) {
        static_cast<void>(set_option(fd, level, name, value));
    };
    set(IPPROTO_TCP, TCP_NODELAY, 1);
    // A peer that takes nothing for so long is not there any more.
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(tcp_unacknowledged_max.count()));
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(tcp_keep_alive.count()));
    set(IPPROTO_TCP, TCP_KEEPINTVL, tcp_keep_alive_interval_s);
    set(IPPROTO_TCP, TCP_KEEPCNT, tcp_keep_alive_tries);
    // What waits in the kernel to be sent delays all that comes behind it.
    set(IPPROTO_TCP, TCP_NOTSENT_LOWAT, tcp_unsent_octets_max);
}

void reset_tcp(int fd) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
}

int socket_error(int fd) {
    int error = 0;
    socklen_t length = sizeof error;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 ? errno : error;
}

Endpoint local_end_of(int fd) { return end_of(fd, ::getsockname); }
Endpoint remote_end_of(int fd) { return end_of(fd, ::getpeername); }

}  // namespace culvert::plane
