#include "plane/user/xdp_socket.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>
#include <vector>

#include <linux/if_xdp.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>

#include "ipsec/header_fields.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/limits.hpp"
#include "plane/message_io.hpp"
#include "plane/udp_socket.hpp"
#include "plane/user/memory_map.hpp"
#include "plane/user/xdp_rings.hpp"

namespace culvert::plane {
namespace {

// In front of a received frame (XDP_PACKET_HEADROOM of the kernel).
constexpr std::size_t kernel_headroom = 256;

int set_size(int fd, int name, std::uint32_t value) {
    return set_option(fd, SOL_XDP, name, static_cast<int>(value));
}

template <class Entry>
std::expected<RingMemory<Entry>, int> map_ring(int fd, const xdp_ring_offset& at,
                                               std::uint64_t page, std::uint32_t size,
                                               MemoryMap& keep) {
    auto memory =
        MemoryMap::make(at.desc + size * sizeof(Entry), MAP_SHARED | MAP_POPULATE, fd, page);
    if (!memory) { return std::unexpected(memory.error()); }
    keep = std::move(*memory);
    return RingMemory<Entry>{.producer = keep.as<std::uint32_t>(at.producer),
                             .consumer = keep.as<std::uint32_t>(at.consumer),
                             .flags = keep.as<std::uint32_t>(at.flags),
                             .entries = keep.as<Entry>(at.desc),
                             .size = size};
}

}  // namespace

struct XdpSocket::Impl {
    MemoryMap frames;
    FileDescriptor fd;
    std::array<MemoryMap, 4> ring_memory;
    std::size_t frame_size = 0;
    bool zero_copy = false;

    // Of the thread that receives.
    ConsumerRing<xdp_desc> received;
    ProducerRing<std::uint64_t> to_fill;
    std::unique_ptr<std::uint8_t[]> copies;

    std::mutex sending;  // all below
    ProducerRing<xdp_desc> to_send;
    ConsumerRing<std::uint64_t> sent;
    std::vector<std::uint64_t> free;

    int make_memory();
    int make_rings();
    int bind(int interface, unsigned queue, XdpBind how);
    void fill_all();
    MutableByteView frame_at(std::uint64_t address, std::size_t size) const {
        return frames.octets().subspan(address, size);
    }
    MutableByteView copy(std::size_t index) const {
        return {copies.get() + index * (ReceiveBuffers::headroom + frame_size) +
                    ReceiveBuffers::headroom,
                frame_size};
    }
    void take_back();
    void kick();
};

int XdpSocket::Impl::make_memory() {
    const std::size_t size = frame_size * (xdp_receive_frames + xdp_send_frames);
    auto memory = MemoryMap::make(size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (!memory) { return memory.error(); }
    frames = std::move(*memory);
    // A child (an updown script) must not make us write to other pages than the kernel does.
    if (::madvise(frames.octets().data(), size, MADV_DONTFORK) != 0) { return errno; }
    xdp_umem_reg registration{};
    registration.addr = reinterpret_cast<std::uintptr_t>(frames.octets().data());
    registration.len = size;
    registration.chunk_size = static_cast<std::uint32_t>(frame_size);
    const bool registered =
        ::setsockopt(fd.get(), SOL_XDP, XDP_UMEM_REG, &registration, sizeof registration) == 0;
    return registered ? 0 : errno;
}

int XdpSocket::Impl::make_rings() {
    for (const auto& [name, size] : {std::pair{XDP_UMEM_FILL_RING, xdp_receive_frames},
                                     {XDP_RX_RING, xdp_receive_frames},
                                     {XDP_UMEM_COMPLETION_RING, xdp_send_frames},
                                     {XDP_TX_RING, xdp_send_frames}}) {
        if (const int error = set_size(fd.get(), name, size); error != 0) { return error; }
    }
    xdp_mmap_offsets at{};
    socklen_t length = sizeof at;
    if (::getsockopt(fd.get(), SOL_XDP, XDP_MMAP_OFFSETS, &at, &length) != 0) { return errno; }
    // Kernels before 5.4 know no flags, and no wake-ups by them.
    if (length != sizeof at) { return EOPNOTSUPP; }
    const int socket = fd.get();
    auto& [rx, tx, fill, completion] = ring_memory;
    const auto rx_ring =
        map_ring<xdp_desc>(socket, at.rx, XDP_PGOFF_RX_RING, xdp_receive_frames, rx);
    if (!rx_ring) { return rx_ring.error(); }
    const auto tx_ring = map_ring<xdp_desc>(socket, at.tx, XDP_PGOFF_TX_RING, xdp_send_frames, tx);
    if (!tx_ring) { return tx_ring.error(); }
    const auto fill_ring =
        map_ring<std::uint64_t>(socket, at.fr, XDP_UMEM_PGOFF_FILL_RING, xdp_receive_frames, fill);
    if (!fill_ring) { return fill_ring.error(); }
    const auto completion_ring = map_ring<std::uint64_t>(
        socket, at.cr, XDP_UMEM_PGOFF_COMPLETION_RING, xdp_send_frames, completion);
    if (!completion_ring) { return completion_ring.error(); }
    received = ConsumerRing{*rx_ring};
    to_send = ProducerRing{*tx_ring};
    to_fill = ProducerRing{*fill_ring};
    sent = ConsumerRing{*completion_ring};
    return 0;
}

void XdpSocket::Impl::fill_all() {
    for (std::uint64_t i = 0; i < xdp_receive_frames; ++i) { to_fill.put(i * frame_size); }
    to_fill.publish();
    free.reserve(xdp_send_frames);
    for (std::uint64_t i = 0; i < xdp_send_frames; ++i) {
        free.push_back((xdp_receive_frames + i) * frame_size);
    }
}

int XdpSocket::Impl::bind(int interface, unsigned queue, XdpBind how) {
    sockaddr_xdp name{};
    name.sxdp_family = AF_XDP;
    name.sxdp_ifindex = static_cast<std::uint32_t>(interface);
    name.sxdp_queue_id = queue;
    name.sxdp_flags = XDP_USE_NEED_WAKEUP;
    if (how == XdpBind::copy) { name.sxdp_flags |= XDP_COPY; }
    if (how == XdpBind::zero_copy) { name.sxdp_flags |= XDP_ZEROCOPY; }
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), sizeof name) != 0) {
        return errno;
    }
    xdp_options options{};
    socklen_t length = sizeof options;
    zero_copy = ::getsockopt(fd.get(), SOL_XDP, XDP_OPTIONS, &options, &length) == 0 &&
                (options.flags & XDP_OPTIONS_ZEROCOPY) != 0;
    return 0;
}

// Frames that have left.
void XdpSocket::Impl::take_back() {
    const std::uint32_t count = sent.filled();
    if (count == 0) { return; }
    for (std::uint32_t i = 0; i < count; ++i) { free.push_back(sent.take()); }
    sent.publish();
}

void XdpSocket::Impl::kick() {
    // In copy mode a call takes a limited number, and says EAGAIN while there are more.
    std::uint32_t waiting = to_send.waiting();
    while (waiting != 0 && to_send.wants_wakeup()) {
        if (::sendto(fd.get(), nullptr, 0, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0) >= 0) {
            return;
        }
        const bool again = errno == EAGAIN || errno == EBUSY || errno == ENOBUFS || errno == EINTR;
        const std::uint32_t left = to_send.waiting();
        if (!again || left == waiting) { return; }
        waiting = left;
    }
}

XdpSocket::XdpSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
XdpSocket::~XdpSocket() = default;

std::expected<std::unique_ptr<XdpSocket>, int> XdpSocket::open(int interface, unsigned queue,
                                                               std::size_t frame_size,
                                                               XdpBind bind) {
    auto impl = std::make_unique<Impl>();
    impl->frame_size = frame_size;
    impl->copies = std::make_unique_for_overwrite<std::uint8_t[]>(
        receive_single_batch_max * (ReceiveBuffers::headroom + frame_size));
    impl->fd = FileDescriptor{::socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0)};
    if (!impl->fd) { return std::unexpected(errno); }
    set_buffers(impl->fd.get());
    int error = impl->make_memory();
    if (error == 0) { error = impl->make_rings(); }
    if (error == 0) {
        // Before bind(): a driver without copies takes frames at once.
        impl->fill_all();
        error = impl->bind(interface, queue, bind);
    }
    if (error != 0) { return std::unexpected(error); }
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): its constructor is private
    return std::unique_ptr<XdpSocket>{new XdpSocket{std::move(impl)}};
}

std::size_t XdpSocket::received_max(std::size_t frame_size) { return frame_size - kernel_headroom; }

int XdpSocket::fd() const { return impl_->fd.get(); }
bool XdpSocket::zero_copy() const { return impl_->zero_copy; }

std::size_t XdpSocket::receive(const std::function<void(MutableByteView frame)>& take) {
    Impl& impl = *impl_;
    const std::size_t count =
        std::min<std::size_t>(impl.received.filled(), receive_single_batch_max);
    if (count == 0) { return 0; }
    for (std::size_t i = 0; i < count; ++i) {
        const xdp_desc frame = impl.received.take();
        const MutableByteView copy = impl.copy(i).first(frame.len);
        std::ranges::copy(impl.frame_at(frame.addr, frame.len), copy.begin());
        // There is always room: the ring has a place for each frame.
        impl.to_fill.put(frame.addr);
        take(copy);
    }
    impl.received.publish();
    impl.to_fill.publish();
    if (impl.to_fill.wants_wakeup()) {
        pollfd one{.fd = fd(), .events = POLLIN, .revents = 0};
        static_cast<void>(::poll(&one, 1, 0));
    }
    return count;
}

bool XdpSocket::send(ByteView octets, std::size_t stride, const OuterHeader& header,
                     const NextHop& hop, std::uint16_t& identification) {
    Impl& impl = *impl_;
    const std::size_t in_front = ETHER_HDR_LEN + header.size();
    if (in_front + stride > impl.frame_size) { return false; }
    const std::size_t count = (octets.size() + stride - 1) / stride;
    const std::scoped_lock lock{impl.sending};
    impl.take_back();
    if (impl.free.size() < count || impl.to_send.room() < count) {
        impl.kick();
        return false;
    }
    while (!octets.empty()) {
        const ByteView esp = octets.first(std::min(stride, octets.size()));
        octets = octets.subspan(esp.size());
        const std::uint64_t address = impl.free.back();
        impl.free.pop_back();
        const MutableByteView frame = impl.frame_at(address, in_front + esp.size());
        std::ranges::copy(hop.link_address, frame.begin());
        std::ranges::copy(hop.own_link_address, frame.begin() + ETH_ALEN);
        ipsec::set_u16(frame, std::size_t{2} * ETH_ALEN,
                       header.is_v4() ? ETHERTYPE_IP : ETHERTYPE_IPV6);
        header.write(frame.subspan(ETHER_HDR_LEN), esp, identification);
        std::ranges::copy(esp, frame.begin() + static_cast<std::ptrdiff_t>(in_front));
        impl.to_send.put(
            {.addr = address, .len = static_cast<std::uint32_t>(frame.size()), .options = 0});
    }
    impl.to_send.publish();
    impl.kick();
    return true;
}

void XdpSocket::push() {
    const std::scoped_lock lock{impl_->sending};
    impl_->take_back();
    impl_->kick();
}

std::uint64_t XdpSocket::overflowed() const {
    xdp_statistics said{};
    socklen_t length = sizeof said;
    if (::getsockopt(fd(), SOL_XDP, XDP_STATISTICS, &said, &length) != 0) { return 0; }
    return said.rx_dropped + said.rx_ring_full + said.rx_fill_ring_empty_descs;
}

}  // namespace culvert::plane
