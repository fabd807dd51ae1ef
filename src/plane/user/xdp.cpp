#include "plane/user/xdp.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ranges>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "plane/errors.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

std::string words(int error_number) { return std::generic_category().message(error_number); }

std::string_view word(XdpMode mode) {
    switch (mode) {
        case XdpMode::automatic: return "auto";
        case XdpMode::zerocopy: return "zerocopy";
        case XdpMode::copy: return "copy";
        case XdpMode::skb: return "skb";
    }
    return "";
}

std::string interfaces_there() {
    std::string out;
    struct if_nameindex* const all = ::if_nameindex();
    if (all == nullptr) { return out; }
    for (const struct if_nameindex* one = all; one->if_index != 0; ++one) {
        out += fmt::format("{}{}", out.empty() ? "" : ", ", printable(one->if_name));
    }
    ::if_freenameindex(all);
    return out;
}

// 0: not to be found out.
std::size_t mtu_of(const std::string& name) {
    const FileDescriptor fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    if (!fd || ::ioctl(fd.get(), SIOCGIFMTU, &request) != 0) { return 0; }
    return static_cast<std::size_t>(request.ifr_mtu);
}

// Half a page where that is enough: frames are memory that stays in the processor's cache.
std::size_t frame_size_for(std::size_t mtu) {
    constexpr std::size_t link_header_max = 18;
    const bool small = mtu + link_header_max <= XdpSocket::received_max(xdp_frame_small);
    return small ? xdp_frame_small : xdp_frame_large;
}

// What is in the kernel of a predecessor that was killed goes a moment after it.
std::expected<std::unique_ptr<XdpSocket>, int> open_patiently(int index, unsigned queue,
                                                              std::size_t frame_size,
                                                              XdpBind bind) {
    for (unsigned again = 0;; ++again) {
        auto socket = XdpSocket::open(index, queue, frame_size, bind);
        if (socket || socket.error() != EBUSY || again == xdp_tries_max) { return socket; }
        std::this_thread::sleep_for(xdp_try_again_after);
    }
}
std::expected<FileDescriptor, int> attach_patiently(int program, int index, std::uint32_t flags) {
    for (unsigned again = 0;; ++again) {
        auto attached = ebpf::attach_xdp(program, index, flags);
        if (attached || attached.error() != EBUSY || again == xdp_tries_max) { return attached; }
        std::this_thread::sleep_for(xdp_try_again_after);
    }
}

XdpBind bind_of(XdpMode mode) {
    switch (mode) {
        case XdpMode::automatic: return XdpBind::either;
        case XdpMode::zerocopy: return XdpBind::zero_copy;
        case XdpMode::copy:
        case XdpMode::skb: break;
    }
    return XdpBind::copy;
}

Error socket_failed(std::string_view interface, XdpMode mode, int error_number) {
    switch (error_number) {
        case EPERM:
        case EACCES: {
            Error out = no_privilege(fmt::format("AF_XDP on {}", interface), error_number);
            out.remedy =
                "start culvertd as root, or with CAP_NET_RAW, CAP_NET_ADMIN, CAP_BPF and "
                "CAP_IPC_LOCK";
            return out;
        }
        case EAFNOSUPPORT:
            return {.code = ErrorCode::unsupported,
                    .wanted = fmt::format("AF_XDP on {}", interface),
                    .received = "a kernel without AF_XDP, or a sandbox that forbids it",
                    .remedy =
                        "use Linux 5.9 or newer with CONFIG_XDP_SOCKETS, allow AF_XDP in the "
                        "unit's RestrictAddressFamilies, or remove charon.culvert_xdp"};
        case EBUSY: return xdp_taken(interface, "another program's AF_XDP socket");
        case EOPNOTSUPP:
        case EINVAL: return xdp_not_by_driver(interface, mode, error_number);
        default: return system_error(fmt::format("AF_XDP on {}", interface), error_number);
    }
}

}  // namespace

Error no_such_interface(std::string_view name) {
    return {.code = ErrorCode::config,
            .wanted = "in charon.culvert_xdp the names of interfaces of this host",
            .received = fmt::format("\"{}\", which is none; there are {}", printable(name),
                                    interfaces_there()),
            .remedy = "correct the name, or start culvertd once the interface is there"};
}

Error xdp_not_by_driver(std::string_view interface, XdpMode mode, int error_number) {
    const bool zerocopy = mode == XdpMode::zerocopy;
    return {.code = ErrorCode::unsupported,
            .wanted = fmt::format("AF_XDP on {} (culvert_xdp_mode = {})", interface, word(mode)),
            .received = fmt::format("the interface's driver cannot do {} as it is set up: {}",
                                    zerocopy ? "it without copies" : "it", words(error_number)),
            .remedy = zerocopy
                          ? "set culvert_xdp_mode = auto or copy, or use a NIC whose driver does "
                            "zero-copy (ice, i40e, ixgbe, igc, mlx5, recent virtio-net), with no "
                            "larger MTU than a page holds"
                          : "name a physical interface with native XDP and an MTU that a page "
                            "holds; else remove it from charon.culvert_xdp, ESP in UDP is the "
                            "faster way there"};
}

Error xdp_taken(std::string_view interface, std::string_view by) {
    return {.code = ErrorCode::busy,
            .wanted = fmt::format("AF_XDP on {}", interface),
            .received = fmt::format("{} has it already", by),
            .remedy = fmt::format("end that program ('ip -d link show dev {}' and 'bpftool net' "
                                  "show what is attached), or remove {} from charon.culvert_xdp",
                                  interface, interface)};
}

Result<Xdp> Xdp::open(const XdpSettings& settings, std::vector<Error>& refused) {
    std::vector<std::pair<std::string, int>> named;
    for (const std::string& name : settings.interfaces) {
        const unsigned index = ::if_nametoindex(name.c_str());
        if (index == 0) { return std::unexpected(no_such_interface(name)); }
        const auto is_this = [index](const auto& one) {
            return one.second == static_cast<int>(index);
        };
        if (std::ranges::any_of(named, is_this)) { continue; }
        named.emplace_back(name, static_cast<int>(index));
    }
    const bool demanded = settings.mode != XdpMode::automatic;
    auto targets = XdpTargets::make();
    if (!targets) { return std::unexpected(std::move(targets).error()); }
    Xdp out{std::move(*targets)};
    for (const auto& [name, index] : named) {
        auto opened = open_interface(name, index, settings.mode, out.targets_.map_fd());
        if (opened) {
            out.interfaces_.push_back(std::move(*opened));
        } else if (demanded) {
            return std::unexpected(std::move(opened).error());
        } else {
            refused.push_back(std::move(opened).error());
        }
    }
    return out;
}

Result<Xdp::Interface> Xdp::open_interface(const std::string& name, int index, XdpMode mode,
                                           int targets_fd) {
    Interface out;
    out.name = name;
    out.index = index;
    out.mode = mode;
    auto sockets = ebpf::make_map(BPF_MAP_TYPE_XSKMAP, sizeof(std::uint32_t), xdp_queues_max, 0);
    if (!sockets) { return std::unexpected(std::move(sockets).error()); }
    out.sockets = std::move(*sockets);
    const std::size_t frame_size = frame_size_for(mtu_of(name));
    auto program = ebpf::load(xdp_program({.targets_fd = targets_fd,
                                           .sockets_fd = out.sockets.get(),
                                           .frame_max = XdpSocket::received_max(frame_size),
                                           .udp = mode != XdpMode::skb}),
                              BPF_PROG_TYPE_XDP, BPF_XDP);
    if (!program) { return std::unexpected(std::move(program).error()); }
    for (unsigned queue = 0; queue < xdp_queues_max; ++queue) {
        auto socket = open_patiently(index, queue, frame_size, bind_of(mode));
        if (!socket) {
            // Behind the last queue.
            if (queue != 0 && socket.error() == EINVAL) { break; }
            return std::unexpected(socket_failed(name, mode, socket.error()));
        }
        if (auto done =
                ebpf::update(out.sockets.get(), queue, static_cast<std::uint32_t>((*socket)->fd()));
            !done) {
            return std::unexpected(std::move(done).error());
        }
        out.queues.push_back(std::move(*socket));
    }
    auto attached = attach_patiently(
        program->get(), index, mode == XdpMode::skb ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);
    if (!attached) {
        if (attached.error() == EBUSY) {
            return std::unexpected(xdp_taken(name, "another XDP program"));
        }
        return std::unexpected(socket_failed(name, mode, attached.error()));
    }
    out.attached = std::move(*attached);
    if (mode == XdpMode::automatic) {
        const bool zero_copy =
            std::ranges::all_of(out.queues, [](const auto& socket) { return socket->zero_copy(); });
        out.mode = zero_copy ? XdpMode::zerocopy : XdpMode::copy;
    }
    return out;
}

std::vector<XdpSocket*> Xdp::receivers(unsigned worker, unsigned workers) const {
    std::vector<XdpSocket*> out;
    for (const Interface& interface : interfaces_) {
        for (std::size_t queue = worker; queue < interface.queues.size(); queue += workers) {
            out.push_back(interface.queues[queue].get());
        }
    }
    return out;
}

XdpSocket* Xdp::sender(int interface, unsigned worker) const {
    for (const Interface& one : interfaces_) {
        if (one.index == interface) { return one.queues[worker % one.queues.size()].get(); }
    }
    return nullptr;
}

std::uint64_t Xdp::overflowed() const {
    std::uint64_t out = 0;
    for (const Interface& interface : interfaces_) {
        for (const auto& socket : interface.queues) { out += socket->overflowed(); }
    }
    return out;
}

void Xdp::push() const {
    for (const Interface& interface : interfaces_) {
        for (const auto& socket : interface.queues) { socket->push(); }
    }
}

std::string Xdp::description() const {
    std::string out;
    for (const Interface& one : interfaces_) {
        const std::string_view how = one.mode == XdpMode::zerocopy ? "zero-copy"
                                     : one.mode == XdpMode::skb    ? "copy, native ESP only"
                                                                   : "copy";
        out += fmt::format("{}{} ({}, {} queue{})", out.empty() ? "AF_XDP on " : " and ", one.name,
                           how, one.queues.size(), one.queues.size() == 1 ? "" : "s");
    }
    return out;
}

}  // namespace culvert::plane
