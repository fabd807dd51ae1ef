#include "plane/udp_socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/message_io.hpp"
#include "plane/port_holder.hpp"
#include "plane/socket_address.hpp"

namespace culvert::plane {
namespace {

Error bind_failed(const UdpSocket::Options& options, int error_number) {
    if (error_number == EADDRINUSE) {
        return port_in_use(options.port, options.family, holder_of_udp_port(options.port));
    }
    if (error_number == EACCES || error_number == EPERM) {
        return no_privilege(fmt::format("to open UDP port {}", options.port), error_number);
    }
    return system_error(fmt::format("to open UDP port {}", options.port), error_number);
}

Status prepare(int fd, const UdpSocket::Options& options) {
    if (auto done = set_mark(fd, options.mark, options.mark_needed); !done) { return done; }
    if (auto done = ask_for_addresses(fd, options.family); !done) { return done; }
    if (auto done = set_path_mtu_discovery(fd, options.family, options.dont_fragment); !done) {
        return done;
    }
    set_buffers(fd);
    if (options.family == IpFamily::v6) {
        // IPv4 has a socket of its own.
        if (const int error = set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1); error != 0) {
            return std::unexpected(system_error("an IPv6 socket for IPv6 only", error));
        }
    }
    if (options.join) {
        if (const int error = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1); error != 0) {
            return std::unexpected(system_error("to share a UDP port", error));
        }
    }
    // Kernels before 5.0 have it not; then each datagram arrives alone, which is as good.
    if (options.coalesce) { static_cast<void>(set_option(fd, IPPROTO_UDP, UDP_GRO, 1)); }
    return {};
}

}  // namespace

ReceiveBuffers::ReceiveBuffers(std::size_t count)
    : count_(std::min(count, receive_single_batch_max)),
      each_(headroom + packet_octets_max + 1),
      memory_(std::make_unique_for_overwrite<std::uint8_t[]>(each_ * count_)) {}

ReceiveBuffers::ReceiveBuffers() : ReceiveBuffers(receive_batch_max) {}

MutableByteView ReceiveBuffers::buffer(std::size_t index) {
    return {memory_.get() + index * each_ + headroom, each_ - headroom};
}

Result<UdpSocket> UdpSocket::open(const Options& options) {
    FileDescriptor fd{::socket(address_family(options.family),
                               SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP)};
    if (!fd) {
        Error error = system_error("a UDP socket", errno);
        if (errno == EAFNOSUPPORT) { error.code = ErrorCode::unsupported; }
        return std::unexpected(std::move(error));
    }
    if (auto done = prepare(fd.get(), options); !done) {
        return std::unexpected(std::move(done).error());
    }
    const SocketAddress wanted = SocketAddress::of({IpAddress::any(options.family), options.port});
    if (::bind(fd.get(), wanted.data(), wanted.length) != 0) {
        const int error = errno;
        if (options.family == IpFamily::v6 && error == EADDRNOTAVAIL) {
            return std::unexpected(Error{.code = ErrorCode::unsupported,
                                         .wanted = "an IPv6 socket",
                                         .received = "IPv6 is disabled on this host"});
        }
        return std::unexpected(bind_failed(options, error));
    }
    SocketAddress got;
    got.length = sizeof got.storage;
    if (::getsockname(fd.get(), got.data(), &got.length) != 0) {
        return std::unexpected(system_error("the port of a UDP socket", errno));
    }
    const auto bound = got.endpoint();
    return UdpSocket{std::move(fd), options.family, bound ? bound->port : options.port};
}

Status UdpSocket::allow_joining() const {
    // Asked for only after bind(): the bind itself was exclusive, so another daemon on the port was
    // noticed.
    if (const int error = set_option(fd(), SOL_SOCKET, SO_REUSEPORT, 1); error != 0) {
        return std::unexpected(system_error("to share a UDP port with ourselves", error));
    }
    return {};
}

Status UdpSocket::steer_arrivals(unsigned lanes) const {
    std::array<sock_filter, 6> code{{{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
                                     {BPF_JMP | BPF_JEQ | BPF_K, 3, 0, 0},
                                     {BPF_ALU | BPF_AND | BPF_K, 0, 0, spi_worker_mask},
                                     {BPF_ALU | BPF_MOD | BPF_K, 0, 0, lanes},
                                     {BPF_RET | BPF_A, 0, 0, 0},
                                     {BPF_RET | BPF_K, 0, 0, lanes}}};
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::setsockopt(fd(), SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) != 0) {
        return std::unexpected(system_error("to steer what arrives to its worker", errno));
    }
    return {};
}

std::uint64_t UdpSocket::overflowed() const { return socket_overflowed(fd()); }

Received UdpSocket::receive(ReceiveBuffers& buffers,
                            const std::function<void(const Arrival&)>& take) const {
    return receive_batch(fd(), port_, buffers, take);
}

int UdpSocket::send(ByteView octets, const Endpoint& local, const Endpoint& remote,
                    const SendOptions& options) const {
    return send_message(fd(), family_, octets, local, remote, options);
}

int UdpSocket::send_each(ByteView octets, const Endpoint& local, const Endpoint& remote,
                         const SendOptions& options, std::size_t& sent) const {
    return send_messages(fd(), family_, octets, local, remote, options, sent);
}

bool UdpSocket::coalesces() const {
    int on = 0;
    socklen_t length = sizeof on;
    return ::getsockopt(fd(), IPPROTO_UDP, UDP_GRO, &on, &length) == 0 && on != 0;
}

void UdpSocket::take_errors(const std::function<void(const NetworkError&)>& take) const {
    drain_error_queue(fd(), take);
}

}  // namespace culvert::plane
