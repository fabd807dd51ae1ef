#include "plane/user/tun_device.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
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

Result<FileDescriptor> open_device() {
    FileDescriptor fd{::open(device_path, O_RDWR | O_CLOEXEC | O_NONBLOCK)};
    if (fd) { return fd; }
    const int error = errno;
    if (error == EACCES || error == EPERM) {
        return std::unexpected(no_privilege(fmt::format("to open {}", device_path), error));
    }
    return std::unexpected(no_tun_device(device_path, error));
}

int set_interface(int fd, ifreq& request, unsigned flags) {
    request.ifr_flags = static_cast<short>(flags);
    return ::ioctl(fd, TUNSETIFF, &request) == 0 ? 0 : errno;
}

// Its first queue: the flags that the kernel agreed to, or errno in `error`. With several queues
// another process's interface of the name would be joined, were it not asked for one that is new;
// one that was made beforehand is taken as it is, with one queue.
unsigned make_interface(int fd, ifreq& request, bool header, bool many, int& error) {
    for (const bool with_many : {many, false}) {
        for (const bool with_header : {header, false}) {
            const unsigned flags = static_cast<unsigned>(IFF_TUN | IFF_NO_PI) |
                                   (with_header ? static_cast<unsigned>(IFF_VNET_HDR) : 0U) |
                                   (with_many ? static_cast<unsigned>(IFF_MULTI_QUEUE) : 0U);
            error = set_interface(fd, request,
                                  flags | (with_many ? static_cast<unsigned>(IFF_TUN_EXCL) : 0U));
            if (error == 0) { return flags; }
            if (error != EINVAL) { break; }
            if (!with_header) { break; }
        }
        if (error != EBUSY && error != EINVAL) { break; }
        if (!with_many) { break; }
    }
    return 0;
}

// From all to none, until the kernel agrees.
TunOffloads agree(int fd, const FastPaths& wanted) {
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

Result<TunDevice> TunDevice::open(std::string_view name, const FastPaths& wanted, unsigned queues) {
    if (!is_interface_name(name)) {
        return std::unexpected(Error{.code = ErrorCode::config,
                                     .wanted = "a name for the TUN interface",
                                     .received = fmt::format("\"{}\"", printable(name)),
                                     .remedy = "use 1 to 15 letters, digits, '_', '.' or '-'"});
    }
    auto first = open_device();
    if (!first) { return std::unexpected(std::move(first).error()); }
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), name.size());
    int error = 0;
    const unsigned flags =
        make_interface(first->get(), request, wanted.tun_offload, queues > 1, error);
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
    const bool with_header = (flags & static_cast<unsigned>(IFF_VNET_HDR)) != 0;
    const TunOffloads offloads = with_header ? agree(first->get(), wanted) : TunOffloads{};
    TunDevice out{std::string{request.ifr_name}, static_cast<int>(index), offloads};
    out.queues_.emplace_back(std::move(*first), offloads);
    while ((flags & static_cast<unsigned>(IFF_MULTI_QUEUE)) != 0 && out.queues() < queues) {
        auto next = open_device();
        if (!next) { return std::unexpected(std::move(next).error()); }
        if (error = set_interface(next->get(), request, flags); error != 0) {
            return std::unexpected(
                system_error(fmt::format("another queue of the TUN interface {}", name), error));
        }
        out.queues_.emplace_back(std::move(*next), offloads);
    }
    return out;
}

std::optional<std::uint64_t> TunDevice::overflowed() const {
    std::ifstream in{"/proc/net/dev"};
    const std::string wanted = name_ + ":";
    std::string word;
    while (in >> word) {
        if (word != wanted) { continue; }
        // Eight figures of what came in; then octets, packets, errors and drops of what went out.
        std::uint64_t figure = 0;
        for (int i = 0; i < 12; ++i) { in >> figure; }
        return in ? std::optional{figure} : std::nullopt;
    }
    return std::nullopt;
}

TunPacket TunQueue::read(MutableByteView room) const {
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

int TunQueue::write(ByteView packet) const {
    return write(ipsec::Coalesced{.pieces = {&packet, 1}});
}

int TunQueue::write(const ipsec::Coalesced& packet) const {
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
