#include "plane/user/raw_receiver.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "ipsec/header_fields.hpp"
#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/message_io.hpp"
#include "plane/user/raw_sockets.hpp"

namespace culvert::plane {
namespace {

// Every raw socket of a protocol gets what arrives; this one keeps what is its worker's.
Status keep_own(int fd, IpFamily family, bool ah, unsigned worker, unsigned workers) {
    // AH has its SPI behind four other octets (RFC 4302 2).
    const std::uint32_t at = ah ? 4 : 0;
    constexpr std::uint32_t all = 0xffffffff;
    // IPv4 packets come with their header, whose length varies.
    const sock_filter header = family == IpFamily::v4
                                   ? sock_filter{BPF_LDX | BPF_B | BPF_MSH, 0, 0, 0}
                                   : sock_filter{BPF_LDX | BPF_W | BPF_IMM, 0, 0, 0};
    std::array<sock_filter, 7> code{{header,
                                     {BPF_LD | BPF_W | BPF_IND, 0, 0, at},
                                     {BPF_ALU | BPF_AND | BPF_K, 0, 0, spi_worker_mask},
                                     {BPF_ALU | BPF_MOD | BPF_K, 0, 0, workers},
                                     {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, worker},
                                     {BPF_RET | BPF_K, 0, 0, all},
                                     {BPF_RET | BPF_K, 0, 0, 0}}};
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        return std::unexpected(system_error("a filter on a raw socket", errno));
    }
    return {};
}

// IPv4 packets bring their header, so that nothing need be asked of the kernel beside them.
bool receive_with_headers(int fd, ReceiveBuffers& buffers,
                          const std::function<void(const Arrival&)>& take) {
    std::array<mmsghdr, receive_single_batch_max> messages;
    std::array<iovec, receive_single_batch_max> pieces;
    for (std::size_t i = 0; i < buffers.count(); ++i) {
        const MutableByteView buffer = buffers.buffer(i);
        pieces[i] = {buffer.data(), buffer.size()};
        messages[i] = {};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int count = ::recvmmsg(fd, messages.data(), static_cast<unsigned>(buffers.count()),
                                 MSG_DONTWAIT, nullptr);
    // An error here is one of the network; the error queue has it in full.
    if (count <= 0) { return false; }
    constexpr std::size_t header_min = 20;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const MutableByteView octets = buffers.buffer(i).first(messages[i].msg_len);
        if (octets.size() < header_min || (messages[i].msg_hdr.msg_flags & MSG_TRUNC) != 0) {
            continue;
        }
        Arrival arrival;
        arrival.remote = {IpAddress::v4(ipsec::get_u32(octets, 12)), 0};
        arrival.local = {IpAddress::v4(ipsec::get_u32(octets, 16)), 0};
        arrival.traffic_class = octets[1];
        arrival.hop_limit = octets[8];
        arrival.octets = octets;
        arrival.stride = octets.size();
        take(arrival);
    }
    return static_cast<std::size_t>(count) == buffers.count();
}

}  // namespace

Result<RawReceiver> RawReceiver::open(unsigned worker, unsigned workers, std::uint32_t mark) {
    RawReceiver out;
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
        for (const bool ah : {false, true}) {
            // What the network says of a path, the kernel keeps for the route that our packets
            // take.
            auto fd = open_raw(family, ah ? IPPROTO_AH : IPPROTO_ESP, mark);
            if (!fd) {
                const bool may_lack = family == IpFamily::v6;
                if (may_lack && fd.error().code == ErrorCode::unsupported) { break; }
                return std::unexpected(std::move(fd).error());
            }
            if (auto done = keep_own(fd->get(), family, ah, worker, workers); !done) {
                return std::unexpected(std::move(done).error());
            }
            // What the network says of our ESP comes to each socket that wants it: one does.
            const bool wants_errors = worker == 0 && !ah;
            const bool v4 = family == IpFamily::v4;
            if (!v4) {
                if (auto done = ask_for_addresses(fd->get(), family); !done) {
                    return std::unexpected(std::move(done).error());
                }
                // AH covers them, and transport mode hands them on.
                ask_for_extension_headers(fd->get());
            }
            static_cast<void>(set_option(fd->get(), v4 ? IPPROTO_IP : IPPROTO_IPV6,
                                         v4 ? IP_RECVERR : IPV6_RECVERR, wants_errors ? 1 : 0));
            out.sockets_.push_back({std::move(*fd), family, ah});
        }
    }
    return out;
}

std::vector<int> RawReceiver::descriptors() const {
    std::vector<int> out;
    for (const Socket& socket : sockets_) { out.push_back(socket.fd.get()); }
    return out;
}

bool RawReceiver::receive(int fd, ReceiveBuffers& buffers,
                          const std::function<void(const Arrival&)>& take) const {
    const bool v4 = std::ranges::any_of(sockets_, [fd](const Socket& socket) {
        return socket.family == IpFamily::v4 && socket.fd.get() == fd;
    });
    return v4 ? receive_with_headers(fd, buffers, take) : receive_batch(fd, 0, buffers, take).more;
}

void RawReceiver::take_errors(int fd, const std::function<void(const NetworkError&)>& take) const {
    drain_error_queue(fd, take);
}

bool RawReceiver::is_ah(int fd) const {
    return std::ranges::any_of(
        sockets_, [fd](const Socket& socket) { return socket.ah && socket.fd.get() == fd; });
}

std::uint64_t RawReceiver::overflowed() const {
    std::uint64_t out = 0;
    for (const Socket& socket : sockets_) { out += socket_overflowed(socket.fd.get()); }
    return out;
}

}  // namespace culvert::plane
