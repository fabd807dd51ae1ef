#include "plane/user/tun_device.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "plane/errors.hpp"

namespace culvert::plane {
namespace {

constexpr const char* device_path = "/dev/net/tun";

// Of linux/if_tun.h since 6.2; the headers here may be older.
constexpr unsigned offload_uso4 = 0x20;
constexpr unsigned offload_uso6 = 0x40;

// Of linux/virtio_net.h, which C++ cannot read.
constexpr std::uint8_t needs_checksum = 1;
constexpr std::uint8_t gso_none = 0;
constexpr std::uint8_t gso_tcp_v4 = 1;
constexpr std::uint8_t gso_tcp_v6 = 4;
constexpr std::uint8_t gso_udp = 5;
constexpr std::uint8_t gso_ecn = 0x80;

// What stands before each packet.
struct Header {
    std::uint8_t flags = 0;
    std::uint8_t gso_type = 0;
    std::uint16_t header_size = 0;
    std::uint16_t gso_size = 0;
    std::uint16_t checksum_start = 0;
    std::uint16_t checksum_offset = 0;
};
static_assert(sizeof(Header) == 10);

int make_interface(int fd, ifreq& request, bool with_header) {
    request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | (with_header ? IFF_VNET_HDR : 0));
    return ::ioctl(fd, TUNSETIFF, &request) == 0 ? 0 : errno;
}

// From all to none, until the kernel agrees.
TunDevice::Offloads agree(int fd, const FastPaths& wanted) {
    int size = sizeof(Header);
    static_cast<void>(::ioctl(fd, TUNSETVNETHDRSZ, &size));
    constexpr unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
    constexpr unsigned tcp_ecn = tcp | TUN_F_TSO_ECN;
    constexpr unsigned udp = offload_uso4 | offload_uso6;
    if (wanted.tun_udp_offload && ::ioctl(fd, TUNSETOFFLOAD, tcp_ecn | udp) == 0) {
        return {.header = true, .tcp = true, .udp = true};
    }
    for (const unsigned set : {tcp_ecn, tcp}) {
        if (::ioctl(fd, TUNSETOFFLOAD, set) == 0) { return {.header = true, .tcp = true}; }
    }
    return {.header = true};
}

}  // namespace

bool is_interface_name(std::string_view name) {
    if (name.empty() || name.size() >= IFNAMSIZ || name == "." || name == "..") { return false; }
    return std::ranges::all_of(name, [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-';
    });
}

Result<TunDevice> TunDevice::open(std::string_view name, const FastPaths& wanted) {
    if (!is_interface_name(name)) {
        return std::unexpected(Error{.code = ErrorCode::config,
                                     .wanted = "a name for the TUN interface",
                                     .received = fmt::format("\"{}\"", printable(name)),
                                     .remedy = "use 1 to 15 letters, digits, '_', '.' or '-'"});
    }
    FileDescriptor fd{::open(device_path, O_RDWR | O_CLOEXEC | O_NONBLOCK)};
    if (!fd) {
        const int error = errno;
        if (error == EACCES || error == EPERM) {
            return std::unexpected(no_privilege(fmt::format("to open {}", device_path), error));
        }
        return std::unexpected(no_tun_device(device_path, error));
    }
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), name.size());
    bool with_header = wanted.tun_offload;
    int error = make_interface(fd.get(), request, with_header);
    if (error == EINVAL && with_header) {
        with_header = false;
        error = make_interface(fd.get(), request, false);
    }
    if (error != 0) {
        if (error == EPERM || error == EACCES) {
            return std::unexpected(
                no_privilege(fmt::format("to make the TUN interface {}", name), error));
        }
        // EBUSY: a TUN that another process holds; EINVAL: an interface of another kind.
        if (error == EBUSY || (error == EINVAL && ::if_nametoindex(request.ifr_name) != 0)) {
            return std::unexpected(tun_name_taken(name));
        }
        return std::unexpected(
            system_error(fmt::format("to make the TUN interface {}", name), error));
    }
    const unsigned index = ::if_nametoindex(request.ifr_name);
    if (index == 0) {
        return std::unexpected(system_error("the index of the TUN interface", errno));
    }
    const Offloads offloads = with_header ? agree(fd.get(), wanted) : Offloads{};
    return TunDevice{std::move(fd), std::string{request.ifr_name}, static_cast<int>(index),
                     offloads};
}

TunPacket TunDevice::read(MutableByteView room) const {
    Header header;
    const std::array<iovec, 2> pieces{{{.iov_base = &header, .iov_len = sizeof header},
                                       {.iov_base = room.data(), .iov_len = room.size()}}};
    const auto skip = std::size_t{offloads_.header ? 0U : 1U};
    const ssize_t got =
        ::readv(fd_.get(), pieces.data() + skip, static_cast<int>(pieces.size() - skip));
    const std::size_t before = offloads_.header ? sizeof header : 0;
    if (got <= static_cast<ssize_t>(before)) { return {}; }
    TunPacket out{.octets = room.first(static_cast<std::size_t>(got) - before)};
    if (!offloads_.header) { return out; }
    if ((header.gso_type & ~gso_ecn) != gso_none) {
        out.segment_size = header.gso_size;
    } else if ((header.flags & needs_checksum) != 0) {
        out.checksum_missing = true;
        out.checksum_start = header.checksum_start;
        out.checksum_offset = header.checksum_offset;
    }
    return out;
}

int TunDevice::write(ByteView packet) const {
    return write(ipsec::Coalesced{.pieces = {&packet, 1}});
}

int TunDevice::write(const ipsec::Coalesced& packet) const {
    Header header;
    if (packet.segment_size != 0) {
        header.flags = needs_checksum;
        header.gso_type = !packet.tcp ? gso_udp : packet.v6 ? gso_tcp_v6 : gso_tcp_v4;
        header.header_size = packet.header_size;
        header.gso_size = packet.segment_size;
        header.checksum_start = packet.transport_at;
        header.checksum_offset = packet.tcp ? 16 : 6;
    }
    std::array<iovec, ipsec::coalesced_packets_max + 1> pieces;
    pieces[0] = {.iov_base = &header, .iov_len = sizeof header};
    std::size_t count = 1;
    for (const ByteView piece : packet.pieces) {
        // writev does not write through it, though its type would let it.
        pieces[count++] = {.iov_base = const_cast<std::uint8_t*>(piece.data()),
                           .iov_len = piece.size()};
    }
    const auto skip = std::size_t{offloads_.header ? 0U : 1U};
    for (;;) {
        const ssize_t done =
            ::writev(fd_.get(), pieces.data() + skip, static_cast<int>(count - skip));
        if (done >= 0) { return 0; }
        if (errno != EINTR) { return errno; }
    }
}

}  // namespace culvert::plane
