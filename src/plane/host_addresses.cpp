#include "plane/host_addresses.hpp"

#include <bit>
#include <cerrno>
#include <cstring>

#include <ifaddrs.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/rtnl.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <unistd.h>

#include "plane/file_descriptor.hpp"
#include "plane/message_io.hpp"
#include "plane/socket_address.hpp"

namespace culvert::plane {
namespace {

std::optional<IpAddress> address_in(const sockaddr* raw) {
    if (raw == nullptr) { return std::nullopt; }
    SocketAddress address;
    if (raw->sa_family == AF_INET) {
        address.length = sizeof(sockaddr_in);
    } else if (raw->sa_family == AF_INET6) {
        address.length = sizeof(sockaddr_in6);
    } else {
        return std::nullopt;
    }
    std::memcpy(&address.storage, raw, address.length);
    const auto endpoint = address.endpoint();
    if (!endpoint) { return std::nullopt; }
    return endpoint->address;
}

unsigned prefix_in(const sockaddr* mask) {
    const auto address = address_in(mask);
    unsigned bits = 0;
    if (address) {
        for (const std::uint8_t octet : address->octets()) {
            bits += static_cast<unsigned>(std::popcount(octet));
        }
    }
    return bits;
}

// A UDP socket connected to `remote` knows its route. No packet leaves.
FileDescriptor connected(const IpAddress& remote, std::uint32_t mark) {
    FileDescriptor fd{
        ::socket(address_family(remote.family()), SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP)};
    if (!fd || !set_mark(fd.get(), mark, false)) { return {}; }
    const SocketAddress name = SocketAddress::of({remote, 500});
    if (::connect(fd.get(), name.data(), name.length) != 0) { return {}; }
    return fd;
}

}  // namespace

std::vector<HostAddress> host_addresses() {
    std::vector<HostAddress> out;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) { return out; }
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
        const auto address = address_in(at->ifa_addr);
        if (!address || (at->ifa_flags & IFF_UP) == 0) { continue; }
        out.push_back({at->ifa_name, {*address, prefix_in(at->ifa_netmask)}});
    }
    ::freeifaddrs(list);
    return out;
}

std::optional<IpAddress> routed_source(const IpAddress& remote, std::uint32_t mark) {
    const FileDescriptor fd = connected(remote, mark);
    SocketAddress name;
    name.length = sizeof name.storage;
    if (!fd || ::getsockname(fd.get(), name.data(), &name.length) != 0) { return std::nullopt; }
    const auto endpoint = name.endpoint();
    if (!endpoint || endpoint->address.is_any()) { return std::nullopt; }
    return endpoint->address;
}

std::optional<std::uint32_t> routed_mtu(const IpAddress& remote, std::uint32_t mark) {
    const FileDescriptor fd = connected(remote, mark);
    int mtu = 0;
    socklen_t length = sizeof mtu;
    const bool v4 = remote.is_v4();
    if (!fd || ::getsockopt(fd.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU : IPV6_MTU, &mtu,
                            &length) != 0) {
        return std::nullopt;
    }
    return mtu > 0 ? std::optional{static_cast<std::uint32_t>(mtu)} : std::nullopt;
}

struct AddressMonitor::Impl {
    nl_sock* socket = nullptr;
    int own_index = 0;
    std::uint32_t own_table = 0;
    News heard;

    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    Impl(Impl&&) = delete;
    Impl& operator=(Impl&&) = delete;
    ~Impl() {
        if (socket != nullptr) { nl_socket_free(socket); }
    }

    void take_route(nlmsghdr* header);
    static int take(nl_msg* message, void* self);
};

namespace {

// libnl's port numbers hold the process in their lower bits.
bool is_ours(const nlmsghdr* header) {
    constexpr std::uint32_t process_bits = 0x3fffff;
    return (header->nlmsg_pid & process_bits) ==
           (static_cast<std::uint32_t>(::getpid()) & process_bits);
}

}  // namespace

void AddressMonitor::Impl::take_route(nlmsghdr* header) {
    const auto* body = static_cast<const rtmsg*>(nlmsg_data(header));
    std::uint32_t table = body->rtm_table;
    const nlattr* attribute = nlmsg_find_attr(header, sizeof(rtmsg), RTA_TABLE);
    if (attribute != nullptr) { table = nla_get_u32(attribute); }
    if (table == own_table) {
        heard.set_up |= header->nlmsg_type == RTM_DELROUTE && !is_ours(header);
        return;
    }
    // Cached clones (path MTUs learned) are no changes of routing. The local table follows the
    // addresses, which are heard of anyway; our TUN's entries in it are not news.
    const bool cached = (body->rtm_flags & RTM_F_CLONED) != 0;
    heard.addresses |= !cached && table != RT_TABLE_LOCAL;
}

int AddressMonitor::Impl::take(nl_msg* message, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    nlmsghdr* header = nlmsg_hdr(message);
    switch (header->nlmsg_type) {
        case RTM_NEWADDR:
        case RTM_DELADDR: {
            const auto* body = static_cast<const ifaddrmsg*>(nlmsg_data(header));
            impl.heard.addresses |= static_cast<int>(body->ifa_index) != impl.own_index;
            break;
        }
        case RTM_NEWROUTE:
        case RTM_DELROUTE: impl.take_route(header); break;
        case RTM_DELRULE: impl.heard.rules |= !is_ours(header); break;
        case RTM_DELLINK: {
            const auto* body = static_cast<const ifinfomsg*>(nlmsg_data(header));
            impl.heard.set_up |= body->ifi_index == impl.own_index && body->ifi_family == AF_UNSPEC;
            break;
        }
        case RTM_NEWLINK: {
            const auto* body = static_cast<const ifinfomsg*>(nlmsg_data(header));
            impl.heard.set_up |=
                body->ifi_index == impl.own_index && (body->ifi_flags & IFF_UP) == 0;
            break;
        }
        default: break;
    }
    return NL_OK;
}

AddressMonitor::AddressMonitor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
AddressMonitor::AddressMonitor(AddressMonitor&&) noexcept = default;
AddressMonitor& AddressMonitor::operator=(AddressMonitor&&) noexcept = default;
AddressMonitor::~AddressMonitor() = default;

Result<AddressMonitor> AddressMonitor::open() {
    auto impl = std::make_unique<Impl>();
    impl->socket = nl_socket_alloc();
    if (impl->socket == nullptr) {
        return std::unexpected(system_error("a netlink socket", ENOMEM));
    }
    nl_socket_disable_seq_check(impl->socket);
    nl_socket_modify_cb(impl->socket, NL_CB_VALID, NL_CB_CUSTOM, &Impl::take, impl.get());
    int error = nl_connect(impl->socket, NETLINK_ROUTE);
    if (error == 0) {
        error = nl_socket_add_memberships(impl->socket, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                          RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
                                          RTNLGRP_IPV6_RULE, RTNLGRP_LINK, 0);
    }
    if (error == 0) { error = nl_socket_set_nonblocking(impl->socket); }
    if (error != 0) {
        return std::unexpected(Error{.code = ErrorCode::system,
                                     .wanted = "to hear of address changes (netlink)",
                                     .received = nl_geterror(error)});
    }
    return AddressMonitor{std::move(impl)};
}

int AddressMonitor::fd() const { return nl_socket_get_fd(impl_->socket); }

AddressMonitor::News AddressMonitor::news(int own_index, std::uint32_t own_table) {
    impl_->own_index = own_index;
    impl_->own_table = own_table;
    impl_->heard = {};
    int result = 0;
    do { result = nl_recvmsgs_default(impl_->socket); } while (result == 0);
    // Overrun: the kernel had more to say than the buffer held, so anything may have changed.
    if (result == -NLE_NOMEM) { impl_->heard = {.addresses = true, .rules = true, .set_up = true}; }
    return impl_->heard;
}

}  // namespace culvert::plane
