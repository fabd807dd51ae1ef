#include "plane/user/link_sender.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include "crypto/random.hpp"
#include "ipsec/header_fields.hpp"
#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/message_io.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t header_v4 = 20;
constexpr std::size_t header_v6 = 40;
using Header = std::array<std::uint8_t, header_v6>;

sockaddr_ll link_address(const NextHop& hop, IpFamily family) {
    sockaddr_ll out{};
    out.sll_family = AF_PACKET;
    const std::uint16_t type = family == IpFamily::v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6;
    out.sll_protocol = std::endian::native == std::endian::little ? std::byteswap(type) : type;
    out.sll_ifindex = hop.interface;
    out.sll_halen = static_cast<unsigned char>(hop.link_address.size());
    std::ranges::copy(hop.link_address, out.sll_addr);
    return out;
}

// All but length and identification.
Header header_of(const IpAddress& local, const IpAddress& remote, const ipsec::OuterFields& outer) {
    Header out{};
    if (remote.is_v4()) {
        out[0] = 0x45;
        out[1] = outer.traffic_class;
        ipsec::set_u16(out, 6, outer.dont_fragment ? 0x4000 : 0);
        out[8] = outer.hop_limit;
        out[9] = ipsec::protocol_esp;
        std::ranges::copy(local.octets(), out.begin() + 12);
        std::ranges::copy(remote.octets(), out.begin() + 16);
    } else {
        ipsec::set_u32(out, 0,
                       6U << 28U | std::uint32_t{outer.traffic_class} << 20U | outer.flow_label);
        out[6] = ipsec::protocol_esp;
        out[7] = outer.hop_limit;
        std::ranges::copy(local.octets(), out.begin() + 8);
        std::ranges::copy(remote.octets(), out.begin() + 24);
    }
    return out;
}

// IPv6 that may be cut is cut by its sender, at the path's MTU, which the kernel's sockets know.
bool fits(std::size_t packet, const NextHop& hop, const IpAddress& remote,
          const ipsec::OuterFields& outer) {
    if (remote.is_v6() && !outer.dont_fragment && packet > path_mtu_min_v6) { return false; }
    return packet <= hop.mtu;
}

}  // namespace

Result<LinkSender> LinkSender::open(std::uint32_t mark) {
    // SOCK_DGRAM: the kernel writes the link's header; protocol 0: nothing is received.
    FileDescriptor fd{::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    if (!fd) {
        const int error = errno;
        if (error == EPERM || error == EACCES) {
            return std::unexpected(no_privilege("to open a packet socket for ESP", error));
        }
        return std::unexpected(system_error("a packet socket for ESP", error));
    }
    if (auto done = set_mark(fd.get(), mark, true); !done) {
        return std::unexpected(std::move(done).error());
    }
    set_buffers(fd.get());
    auto next_hops = NextHops::open(mark);
    if (!next_hops) { return std::unexpected(std::move(next_hops).error()); }
    crypto::SystemRandom random;
    std::array<std::uint8_t, 2> first{};
    random.fill(first);
    return LinkSender{std::move(fd), std::move(*next_hops), ipsec::get_u16(first, 0)};
}

std::size_t LinkSender::send_each(ByteView octets, std::size_t stride, const IpAddress& local,
                                  const IpAddress& remote, const ipsec::OuterFields& outer,
                                  Instant now) {
    if (local.is_any() || local.family() != remote.family()) { return 0; }
    const NextHop* const hop = next_hops_.find(local, remote, now);
    const bool v4 = remote.is_v4();
    const std::size_t header_size = v4 ? header_v4 : header_v6;
    if (hop == nullptr || !fits(header_size + stride, *hop, remote, outer)) { return 0; }
    sockaddr_ll name = link_address(*hop, remote.family());
    const Header common = header_of(local, remote, outer);
    std::array<Header, send_batch_max> headers;
    std::array<std::array<iovec, 2>, send_batch_max> pieces;
    std::array<mmsghdr, send_batch_max> messages;
    std::size_t sent = 0;
    while (!octets.empty()) {
        std::size_t count = 0;
        std::size_t at = 0;
        for (; count < send_batch_max && at < octets.size(); ++count) {
            const std::size_t size = std::min(stride, octets.size() - at);
            Header& header = headers[count];
            header = common;
            if (v4) {
                ipsec::set_u16(header, 2, static_cast<std::uint16_t>(header_v4 + size));
                if (!outer.dont_fragment) { ipsec::set_u16(header, 4, identification_++); }
                ipsec::set_ipv4_checksum(MutableByteView{header}.first(header_v4));
            } else {
                ipsec::set_u16(header, 4, static_cast<std::uint16_t>(size));
            }
            // sendmmsg does not write through it, though its type would let it.
            pieces[count] = {{{header.data(), header_size},
                              {const_cast<std::uint8_t*>(octets.data() + at), size}}};
            msghdr& message = (messages[count] = {}).msg_hdr;
            message.msg_name = &name;
            message.msg_namelen = sizeof name;
            message.msg_iov = pieces[count].data();
            message.msg_iovlen = pieces[count].size();
            at += size;
        }
        const int done = ::sendmmsg(fd_.get(), messages.data(), static_cast<unsigned>(count),
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done <= 0) {
            if (errno == EINTR) { continue; }
            next_hops_.forget(local, remote);
            break;
        }
        sent += static_cast<std::size_t>(done);
        octets = octets.subspan(std::min(octets.size(), static_cast<std::size_t>(done) * stride));
    }
    return sent;
}

}  // namespace culvert::plane
