#include "plane/user/link_sender.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/message_io.hpp"

namespace culvert::plane {
namespace {

using Header = std::array<std::uint8_t, OuterHeader::size_max>;

sockaddr_ll link_address(const NextHop& hop, bool v4) {
    sockaddr_ll out{};
    out.sll_family = AF_PACKET;
    const std::uint16_t type = v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6;
    out.sll_protocol = std::endian::native == std::endian::little ? std::byteswap(type) : type;
    out.sll_ifindex = hop.interface;
    out.sll_halen = static_cast<unsigned char>(hop.link_address.size());
    std::ranges::copy(hop.link_address, out.sll_addr);
    return out;
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
    return LinkSender{std::move(fd)};
}

std::size_t LinkSender::send_each(ByteView octets, std::size_t stride, const OuterHeader& header,
                                  const NextHop& hop, std::uint16_t& identification) const {
    sockaddr_ll name = link_address(hop, header.is_v4());
    std::array<Header, send_batch_max> headers;
    std::array<std::array<iovec, 2>, send_batch_max> pieces;
    std::array<mmsghdr, send_batch_max> messages;
    std::size_t sent = 0;
    while (!octets.empty()) {
        std::size_t count = 0;
        std::size_t at = 0;
        for (; count < send_batch_max && at < octets.size(); ++count) {
            const std::size_t size = std::min(stride, octets.size() - at);
            header.write(headers[count], octets.subspan(at, size), identification);
            // sendmmsg does not write through it, though its type would let it.
            pieces[count] = {{{headers[count].data(), header.size()},
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
            break;
        }
        sent += static_cast<std::size_t>(done);
        octets = octets.subspan(std::min(octets.size(), static_cast<std::size_t>(done) * stride));
    }
    return sent;
}

}  // namespace culvert::plane
