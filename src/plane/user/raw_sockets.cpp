#include "plane/user/raw_sockets.hpp"

#include <array>
#include <cerrno>

#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "plane/errors.hpp"
#include "plane/message_io.hpp"
#include "plane/socket_address.hpp"

namespace culvert::plane {
Result<FileDescriptor> open_raw(IpFamily family, int protocol, std::uint32_t mark) {
    FileDescriptor fd{
        ::socket(address_family(family), SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol)};
    if (!fd) {
        const int error = errno;
        if (error == EPERM || error == EACCES) {
            return std::unexpected(no_privilege("to open a raw socket for ESP or AH", error));
        }
        Error failed = system_error("a raw socket for ESP and AH", error);
        if (error == EAFNOSUPPORT) { failed.code = ErrorCode::unsupported; }
        return std::unexpected(std::move(failed));
    }
    if (auto done = set_mark(fd.get(), mark, true); !done) {
        return std::unexpected(std::move(done).error());
    }
    set_buffers(fd.get());
    return fd;
}

namespace {

// Every raw socket of a protocol gets a copy of what arrives; those that only send want none. Bound
// to an address at which nothing arrives they cost none either; each message names its own source.
Status receive_nothing(int fd, IpFamily family) {
    const bool v4 = family == IpFamily::v4;
    static_cast<void>(
        set_option(fd, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_FREEBIND : IPV6_FREEBIND, 1));
    const SocketAddress nowhere =
        SocketAddress::of({*IpAddress::parse(v4 ? "127.255.255.254" : "100::1"), 0});
    static_cast<void>(::bind(fd, nowhere.data(), nowhere.length));
    std::array<sock_filter, 1> code{sock_filter{BPF_RET | BPF_K, 0, 0, 0}};
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        return std::unexpected(system_error("a filter on a raw socket", errno));
    }
    return {};
}

}  // namespace

Result<RawSockets::Pair> RawSockets::open_family(IpFamily family, std::uint32_t mark) {
    Pair out;
    for (FileDescriptor* fd : {&out.whole, &out.fragmented}) {
        auto opened = open_raw(family, IPPROTO_ESP, mark);
        if (!opened) { return std::unexpected(std::move(opened).error()); }
        *fd = std::move(*opened);
        const bool whole = fd == &out.whole;
        if (auto done = set_path_mtu_discovery(fd->get(), family, whole); !done) {
            return std::unexpected(std::move(done).error());
        }
        Status done = whole ? ask_for_addresses(fd->get(), family) : Status{};
        if (done) { done = receive_nothing(fd->get(), family); }
        if (!done) { return std::unexpected(std::move(done).error()); }
    }
    // IPPROTO_RAW: the header is ours to write, and nothing is ever received.
    auto clear = open_raw(family, IPPROTO_RAW, mark);
    if (!clear) { return std::unexpected(std::move(clear).error()); }
    out.clear = std::move(*clear);
    return out;
}

Result<RawSockets> RawSockets::open(std::uint32_t mark) {
    RawSockets out;
    auto v4 = open_family(IpFamily::v4, mark);
    if (!v4) { return std::unexpected(std::move(v4).error()); }
    out.v4_ = std::move(*v4);
    auto v6 = open_family(IpFamily::v6, mark);
    if (v6) {
        out.v6_ = std::move(*v6);
    } else if (v6.error().code != ErrorCode::unsupported) {
        return std::unexpected(std::move(v6).error());
    }
    return out;
}

const RawSockets::Pair* RawSockets::of(IpFamily family) const {
    if (family == IpFamily::v4) { return &v4_; }
    return v6_ ? &*v6_ : nullptr;
}

std::vector<int> RawSockets::descriptors() const {
    std::vector<int> out{v4_.whole.get(), v4_.fragmented.get()};
    if (v6_) {
        out.push_back(v6_->whole.get());
        out.push_back(v6_->fragmented.get());
    }
    return out;
}

void RawSockets::take_errors(int fd, const std::function<void(const NetworkError&)>& take) const {
    drain_error_queue(fd, take);
}

int RawSockets::send_esp(ByteView esp, const IpAddress& local, const IpAddress& remote,
                         bool dont_fragment, const SendOptions& options) const {
    const Pair* pair = of(remote.family());
    if (pair == nullptr) { return EAFNOSUPPORT; }
    const FileDescriptor& fd = dont_fragment ? pair->whole : pair->fragmented;
    return send_message(fd.get(), remote.family(), esp, {local, 0}, {remote, 0}, options);
}

int RawSockets::send_esp_each(ByteView octets, const IpAddress& local, const IpAddress& remote,
                              bool dont_fragment, const SendOptions& options,
                              std::size_t& sent) const {
    const Pair* pair = of(remote.family());
    if (pair == nullptr) { return EAFNOSUPPORT; }
    const FileDescriptor& fd = dont_fragment ? pair->whole : pair->fragmented;
    return send_messages(fd.get(), remote.family(), octets, {local, 0}, {remote, 0}, options, sent);
}

int RawSockets::send_clear(ByteView packet, const IpAddress& destination) const {
    const Pair* pair = of(destination.family());
    if (pair == nullptr) { return EAFNOSUPPORT; }
    return send_message(pair->clear.get(), destination.family(), packet, {}, {destination, 0}, {});
}

}  // namespace culvert::plane
