#include "plane/message_io.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include <linux/errqueue.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>

#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/socket_address.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t control_octets = 512;
// Of a quoted packet: AH's first 8 octets end with the SPI.
constexpr std::size_t quoted_octets_max = 8;

// Builds the ancillary data of one message.
class ControlWriter {
 public:
    explicit ControlWriter(msghdr& message) : message_(message) {
        message_.msg_control = storage_.data();
        message_.msg_controllen = 0;
    }

    template <class T>
    void add(int level, int type, const T& value) {
        const std::size_t at = message_.msg_controllen;
        if (at + CMSG_SPACE(sizeof value) > storage_.size()) { return; }
        cmsghdr header{};
        header.cmsg_level = level;
        header.cmsg_type = type;
        header.cmsg_len = CMSG_LEN(sizeof value);
        std::memcpy(storage_.data() + at, &header, sizeof header);
        std::memcpy(storage_.data() + at + CMSG_LEN(0), &value, sizeof value);
        message_.msg_controllen = at + CMSG_SPACE(sizeof value);
    }
    void finish() {
        if (message_.msg_controllen == 0) { message_.msg_control = nullptr; }
    }

 private:
    msghdr& message_;
    alignas(cmsghdr) std::array<std::uint8_t, control_octets> storage_{};
};

template <class T>
std::optional<T> read_control(const cmsghdr* header) {
    if (header->cmsg_len < CMSG_LEN(sizeof(T))) { return std::nullopt; }
    T value{};
    std::memcpy(&value, CMSG_DATA(header), sizeof value);
    return value;
}

bool is(const cmsghdr* header, int level, int type) {
    return header->cmsg_level == level && header->cmsg_type == type;
}

void read_arrival_control(msghdr& message, Arrival& arrival) {
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (is(c, IPPROTO_IP, IP_PKTINFO)) {
            if (const auto v = read_control<in_pktinfo>(c)) {
                arrival.local.address = address_of(v->ipi_addr);
            }
        } else if (is(c, IPPROTO_IPV6, IPV6_PKTINFO)) {
            if (const auto v = read_control<in6_pktinfo>(c)) {
                arrival.local.address = address_of(v->ipi6_addr);
            }
        } else if (is(c, IPPROTO_IP, IP_TOS)) {
            arrival.traffic_class = read_control<std::uint8_t>(c).value_or(0);
        } else if (is(c, IPPROTO_IPV6, IPV6_TCLASS)) {
            arrival.traffic_class = static_cast<std::uint8_t>(read_control<int>(c).value_or(0));
        } else if (is(c, IPPROTO_IP, IP_TTL) || is(c, IPPROTO_IPV6, IPV6_HOPLIMIT)) {
            arrival.hop_limit = static_cast<std::uint8_t>(read_control<int>(c).value_or(64));
        } else if (is(c, IPPROTO_UDP, UDP_GRO)) {
            const int size = read_control<int>(c).value_or(0);
            if (size > 0) { arrival.stride = static_cast<std::size_t>(size); }
        }
    }
}

std::optional<std::uint8_t> extension_header(const cmsghdr* header) {
    if (is(header, IPPROTO_IPV6, IPV6_HOPOPTS)) { return std::uint8_t{IPPROTO_HOPOPTS}; }
    if (is(header, IPPROTO_IPV6, IPV6_DSTOPTS)) { return std::uint8_t{IPPROTO_DSTOPTS}; }
    if (is(header, IPPROTO_IPV6, IPV6_RTHDR)) { return std::uint8_t{IPPROTO_ROUTING}; }
    return std::nullopt;
}

// The kernel tells them in their order (RFC 3542 6). Too many, or none: nothing is put there.
void put_back_extensions(msghdr& message, Arrival& arrival) {
    constexpr std::size_t room = ReceiveBuffers::headroom - sizeof(ip6_hdr);
    std::size_t size = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (extension_header(c)) { size += c->cmsg_len - CMSG_LEN(0); }
    }
    if (size == 0 || size > room || (message.msg_flags & MSG_CTRUNC) != 0) { return; }
    std::uint8_t* at = arrival.octets.data() - size;
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        const auto kind = extension_header(c);
        if (!kind) { continue; }
        if (arrival.extensions == 0) { arrival.first_extension = *kind; }
        const std::size_t one = c->cmsg_len - CMSG_LEN(0);
        std::memcpy(at, CMSG_DATA(c), one);
        at += one;
        arrival.extensions += one;
    }
}

void add_source(ControlWriter& control, IpFamily family, const IpAddress& local) {
    if (local.is_any() || local.family() != family) { return; }
    if (family == IpFamily::v4) {
        in_pktinfo info{};
        info.ipi_spec_dst = in_addr_of(local);
        control.add(IPPROTO_IP, IP_PKTINFO, info);
    } else {
        in6_pktinfo info{};
        info.ipi6_addr = in6_addr_of(local);
        control.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
    }
}

void add_options(ControlWriter& control, IpFamily family, std::size_t octets,
                 const SendOptions& options) {
    const bool v4 = family == IpFamily::v4;
    if (options.traffic_class) {
        const int value = *options.traffic_class;
        v4 ? control.add(IPPROTO_IP, IP_TOS, value) : control.add(IPPROTO_IPV6, IPV6_TCLASS, value);
    }
    if (options.hop_limit) {
        const int value = *options.hop_limit;
        v4 ? control.add(IPPROTO_IP, IP_TTL, value)
           : control.add(IPPROTO_IPV6, IPV6_HOPLIMIT, value);
    }
    if (options.stride != 0 && options.stride < octets) {
        control.add(IPPROTO_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(options.stride));
    }
}

// What one entry of the error queue says; nothing when it is no error of the network.
std::optional<NetworkError> network_error(msghdr& message, const SocketAddress& name) {
    const auto remote = name.endpoint();
    if (!remote) { return std::nullopt; }
    for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
        if (!is(c, IPPROTO_IP, IP_RECVERR) && !is(c, IPPROTO_IPV6, IPV6_RECVERR)) { continue; }
        const auto error = read_control<sock_extended_err>(c);
        if (!error) { return std::nullopt; }
        NetworkError out{.remote = *remote, .error_number = static_cast<int>(error->ee_errno)};
        if (error->ee_errno == EMSGSIZE) { out.path_mtu = error->ee_info; }
        if (error->ee_origin == SO_EE_ORIGIN_ICMP || error->ee_origin == SO_EE_ORIGIN_ICMP6) {
            // The offender's address lies behind the error (SO_EE_OFFENDER).
            SocketAddress offender;
            const std::size_t room = c->cmsg_len - CMSG_LEN(sizeof *error);
            offender.length = static_cast<socklen_t>(std::min(room, sizeof offender.storage));
            std::memcpy(&offender.storage, CMSG_DATA(c) + sizeof *error, offender.length);
            if (const auto who = offender.endpoint()) { out.said_by = who->address; }
        }
        return out;
    }
    return std::nullopt;
}

}  // namespace

int set_option(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : errno;
}

void set_buffers(int fd) {
    // FORCE needs CAP_NET_ADMIN and passes the system's limit; without it we take what we get.
    if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, socket_buffer_octets) != 0) {
        static_cast<void>(set_option(fd, SOL_SOCKET, SO_RCVBUF, socket_buffer_octets));
    }
    if (set_option(fd, SOL_SOCKET, SO_SNDBUFFORCE, socket_buffer_octets) != 0) {
        static_cast<void>(set_option(fd, SOL_SOCKET, SO_SNDBUF, socket_buffer_octets));
    }
}

Status set_mark(int fd, std::uint32_t mark, bool needed) {
    if (mark == 0) { return {}; }
    const int error = set_option(fd, SOL_SOCKET, SO_MARK, static_cast<int>(mark));
    if (error != 0 && needed) {
        return std::unexpected(no_privilege("to mark our own packets (SO_MARK)", error));
    }
    return {};
}

Status ask_for_addresses(int fd, IpFamily family) {
    struct Wish {
        int level;
        int name;
    };
    constexpr std::array<Wish, 4> wishes_v4{{{IPPROTO_IP, IP_PKTINFO},
                                             {IPPROTO_IP, IP_RECVTOS},
                                             {IPPROTO_IP, IP_RECVTTL},
                                             {IPPROTO_IP, IP_RECVERR}}};
    constexpr std::array<Wish, 4> wishes_v6{{{IPPROTO_IPV6, IPV6_RECVPKTINFO},
                                             {IPPROTO_IPV6, IPV6_RECVTCLASS},
                                             {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
                                             {IPPROTO_IPV6, IPV6_RECVERR}}};
    for (const Wish& wish : family == IpFamily::v4 ? wishes_v4 : wishes_v6) {
        if (const int error = set_option(fd, wish.level, wish.name, 1); error != 0) {
            return std::unexpected(system_error("to learn addresses of datagrams", error));
        }
    }
    return {};
}

void ask_for_extension_headers(int fd) {
    for (const int name : {IPV6_RECVHOPOPTS, IPV6_RECVDSTOPTS, IPV6_RECVRTHDR}) {
        static_cast<void>(set_option(fd, IPPROTO_IPV6, name, 1));
    }
}

Status set_path_mtu_discovery(int fd, IpFamily family, bool dont_fragment) {
    int error = 0;
    // PROBE sets DF and looks at the interface only: the kernel believes any ICMP about our
    // addresses, we those that name a live SA (RFC 4301 8.2.1). OMIT has no DF, and tells us of
    // such an ICMP all the same, which DONT does not: of sockets that share a port any may be the
    // one that the kernel brings it to.
    if (family == IpFamily::v4) {
        error = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER,
                           dont_fragment ? IP_PMTUDISC_PROBE : IP_PMTUDISC_OMIT);
    } else {
        error = set_option(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
                           dont_fragment ? IPV6_PMTUDISC_PROBE : IPV6_PMTUDISC_DONT);
        // Without it an IPv6 socket would still fragment what is larger than the path.
        if (error == 0) {
            error = set_option(fd, IPPROTO_IPV6, IPV6_DONTFRAG, dont_fragment ? 1 : 0);
        }
    }
    if (error != 0) { return std::unexpected(system_error("to set path MTU discovery", error)); }
    return {};
}

Received receive_batch(int fd, std::uint16_t port, ReceiveBuffers& buffers,
                       const std::function<void(const Arrival&)>& take) {
    std::array<mmsghdr, receive_single_batch_max> messages;
    std::array<iovec, receive_single_batch_max> pieces;
    std::array<sockaddr_storage, receive_single_batch_max> names;
    struct Control {
        alignas(cmsghdr) std::array<std::uint8_t, control_octets> octets;
    };
    std::array<Control, receive_single_batch_max> controls;
    for (std::size_t i = 0; i < buffers.count(); ++i) {
        const MutableByteView buffer = buffers.buffer(i);
        pieces[i] = {buffer.data(), buffer.size()};
        messages[i] = {};
        msghdr& message = messages[i].msg_hdr;
        message.msg_iov = &pieces[i];
        message.msg_iovlen = 1;
        message.msg_name = &names[i];
        message.msg_namelen = sizeof names[i];
        message.msg_control = controls[i].octets.data();
        message.msg_controllen = controls[i].octets.size();
    }
    const int count = ::recvmmsg(fd, messages.data(), static_cast<unsigned>(buffers.count()),
                                 MSG_DONTWAIT, nullptr);
    // An error here is one of the network; the error queue has it in full.
    if (count <= 0) { return {}; }
    // What arrives in large pieces comes in crowds; after anything else than that or a full batch
    // another call would be for nothing.
    bool more = static_cast<std::size_t>(count) == buffers.count();
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        msghdr& message = messages[i].msg_hdr;
        const auto remote =
            SocketAddress{.storage = names[i], .length = message.msg_namelen}.endpoint();
        if (!remote || (message.msg_flags & MSG_TRUNC) != 0) { continue; }
        Arrival arrival;
        arrival.remote = *remote;
        arrival.local = {IpAddress::any(remote->address.family()), port};
        arrival.octets = buffers.buffer(i).first(messages[i].msg_len);
        arrival.stride = arrival.octets.size();
        read_arrival_control(message, arrival);
        if (remote->address.is_v6()) { put_back_extensions(message, arrival); }
        more = more || arrival.octets.size() >= crowd_octets_min;
        take(arrival);
    }
    return {static_cast<std::size_t>(count), more};
}

int send_message(int fd, IpFamily family, ByteView octets, const Endpoint& local,
                 const Endpoint& remote, const SendOptions& options) {
    SocketAddress name = SocketAddress::of(remote);
    // sendmsg does not write through it, though its type would let it.
    iovec piece{const_cast<std::uint8_t*>(octets.data()), octets.size()};
    msghdr message{};
    message.msg_name = name.data();
    message.msg_namelen = name.length;
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    ControlWriter control{message};
    add_source(control, family, local.address);
    add_options(control, family, octets.size(), options);
    control.finish();
    // With IP_RECVERR an ICMP answer to an earlier datagram fails the next one that is sent, to
    // whomever: the first failure may not be ours.
    for (int attempt = 0;; ++attempt) {
        if (::sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) { return 0; }
        const int error = errno;
        if (error == EINTR) { continue; }
        const bool ours_for_sure = error == EAGAIN || error == EINVAL || error == ENOBUFS;
        if (ours_for_sure || attempt > 0) { return error; }
    }
}

int send_messages(int fd, IpFamily family, ByteView octets, const Endpoint& local,
                  const Endpoint& remote, const SendOptions& options, std::size_t& sent) {
    SocketAddress name = SocketAddress::of(remote);
    msghdr common{};
    common.msg_name = name.data();
    common.msg_namelen = name.length;
    common.msg_iovlen = 1;
    ControlWriter control{common};
    add_source(control, family, local.address);
    SendOptions single = options;
    single.stride = 0;
    add_options(control, family, octets.size(), single);
    control.finish();
    std::array<iovec, send_batch_max> pieces;
    std::array<mmsghdr, send_batch_max> messages;
    sent = 0;
    bool failed_before = false;
    while (!octets.empty()) {
        std::size_t count = 0;
        std::size_t at = 0;
        for (; count < send_batch_max && at < octets.size(); ++count) {
            const std::size_t size = std::min(options.stride, octets.size() - at);
            pieces[count] = {const_cast<std::uint8_t*>(octets.data() + at), size};
            messages[count] = {.msg_hdr = common, .msg_len = 0};
            messages[count].msg_hdr.msg_iov = &pieces[count];
            at += size;
        }
        const int done = ::sendmmsg(fd, messages.data(), static_cast<unsigned>(count),
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done <= 0) {
            const int error = errno;
            if (error == EINTR) { continue; }
            // As in send_message(): the first failure may be another's.
            const bool ours_for_sure = error == EAGAIN || error == EINVAL || error == ENOBUFS;
            if (ours_for_sure || failed_before) { return error; }
            failed_before = true;
            continue;
        }
        failed_before = false;
        sent += static_cast<std::size_t>(done);
        octets = octets.subspan(
            std::min(octets.size(), static_cast<std::size_t>(done) * options.stride));
    }
    return 0;
}

std::uint64_t socket_overflowed(int fd) {
    std::array<std::uint32_t, SK_MEMINFO_VARS> figures{};
    socklen_t length = sizeof figures;
    if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, figures.data(), &length) != 0) { return 0; }
    return figures[SK_MEMINFO_DROPS];
}

void drain_error_queue(int fd, const std::function<void(const NetworkError&)>& take) {
    for (int i = 0; i < error_queue_batch_max; ++i) {
        std::array<std::uint8_t, 64> payload{};
        alignas(cmsghdr) std::array<std::uint8_t, 512> control{};
        SocketAddress name;
        iovec piece{payload.data(), payload.size()};
        msghdr message{};
        message.msg_name = &name.storage;
        message.msg_namelen = sizeof name.storage;
        message.msg_iov = &piece;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = ::recvmsg(fd, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
        if (size < 0) { break; }
        name.length = message.msg_namelen;
        if (auto error = network_error(message, name)) {
            if (error->said_by) {
                const ByteView all{payload};
                error->quoted = to_bytes(all.first(std::min<std::size_t>(
                    {static_cast<std::size_t>(size), quoted_octets_max, all.size()})));
            }
            take(*error);
        }
    }
    // What is left of it as the socket's own error would keep epoll awake.
    int pending = 0;
    socklen_t length = sizeof pending;
    static_cast<void>(::getsockopt(fd, SOL_SOCKET, SO_ERROR, &pending, &length));
}

}  // namespace culvert::plane
