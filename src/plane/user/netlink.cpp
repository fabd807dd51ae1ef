#include "plane/user/netlink.hpp"

#include <cerrno>
#include <cstring>
#include <new>
#include <vector>

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "plane/errors.hpp"
#include "plane/socket_address.hpp"

namespace culvert::plane {
namespace {

constexpr std::uint32_t metric_device = 100;
constexpr std::uint32_t metric_unreachable = 4096;

struct MessageFree {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, MessageFree>;

Message make_message(int type, int flags) {
    Message out{nlmsg_alloc_simple(type, NLM_F_REQUEST | flags)};
    if (!out) { throw std::bad_alloc{}; }
    return out;
}

template <class Body>
void put_body(const Message& message, Body body) {
    nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
}

void put_octets(const Message& message, int attribute, ByteView octets) {
    nla_put(message.get(), attribute, static_cast<int>(octets.size()), octets.data());
}

unsigned char family_octet(IpFamily family) {
    return static_cast<unsigned char>(address_family(family));
}

unsigned char type_of(RouteKind kind) {
    switch (kind) {
        case RouteKind::device: return RTN_UNICAST;
        case RouteKind::unreachable: return RTN_UNREACHABLE;
        case RouteKind::pass: return RTN_THROW;
    }
    return RTN_UNREACHABLE;
}

Message route_message(int type, int flags, const Route& route, std::uint32_t table, int device) {
    Message message = make_message(type, flags);
    rtmsg body{};
    body.rtm_family = family_octet(route.destination.address.family());
    body.rtm_dst_len = static_cast<unsigned char>(route.destination.prefix);
    body.rtm_table =
        table < 256 ? static_cast<unsigned char>(table) : std::uint8_t{RT_TABLE_UNSPEC};
    body.rtm_protocol = route_protocol;
    body.rtm_scope = RT_SCOPE_UNIVERSE;
    body.rtm_type = type_of(route.kind);
    put_body(message, body);
    put_octets(message, RTA_DST, route.destination.network().octets());
    nla_put_u32(message.get(), RTA_TABLE, table);
    nla_put_u32(message.get(), RTA_PRIORITY,
                route.kind == RouteKind::unreachable ? metric_unreachable : metric_device);
    if (route.kind == RouteKind::device) {
        nla_put_u32(message.get(), RTA_OIF, static_cast<std::uint32_t>(device));
        if (route.preferred_source) {
            put_octets(message, RTA_PREFSRC, route.preferred_source->octets());
        }
        if (route.mtu != 0 || route.mss != 0) {
            nlattr* metrics = nla_nest_start(message.get(), RTA_METRICS);
            if (route.mtu != 0) { nla_put_u32(message.get(), RTAX_MTU, route.mtu); }
            if (route.mss != 0) { nla_put_u32(message.get(), RTAX_ADVMSS, route.mss); }
            nla_nest_end(message.get(), metrics);
        }
    }
    return message;
}

Message rule_message(int type, int flags, const MarkRule& rule) {
    Message message = make_message(type, flags);
    fib_rule_hdr body{};
    body.family = family_octet(rule.family);
    body.table =
        rule.table < 256 ? static_cast<std::uint8_t>(rule.table) : std::uint8_t{RT_TABLE_UNSPEC};
    body.action = FR_ACT_TO_TBL;
    body.flags = FIB_RULE_INVERT;
    put_body(message, body);
    nla_put_u32(message.get(), FRA_TABLE, rule.table);
    nla_put_u32(message.get(), FRA_PRIORITY, rule.priority);
    nla_put_u32(message.get(), FRA_FWMARK, rule.mark);
    nla_put_u32(message.get(), FRA_FWMASK, 0xffffffffU);
    return message;
}

}  // namespace

struct Netlink::Impl {
    nl_sock* socket = nullptr;

    Impl() = default;
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    Impl(Impl&&) = delete;
    Impl& operator=(Impl&&) = delete;
    ~Impl() {
        if (socket != nullptr) { nl_socket_free(socket); }
    }

    // Sends and waits for the kernel's verdict: 0 or errno. The kernel's own number is kept
    // (libnl's would merge several).
    int request(const Message& message);
};

namespace {

int take_error(sockaddr_nl*, nlmsgerr* error, void* out) {
    *static_cast<int*>(out) = -error->error;
    return NL_STOP;
}
int take_ack(nl_msg*, void* out) {
    *static_cast<int*>(out) = 0;
    return NL_STOP;
}

struct CallbackFree {
    void operator()(nl_cb* callbacks) const { nl_cb_put(callbacks); }
};

Status verdict(int error, const std::string& what) {
    if (error == 0) { return {}; }
    if (error == EPERM || error == EACCES) { return std::unexpected(no_privilege(what, error)); }
    return std::unexpected(system_error(what, error));
}

}  // namespace

int Netlink::Impl::request(const Message& message) {
    if (!message) { return ENOMEM; }
    const std::unique_ptr<nl_cb, CallbackFree> callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
    if (!callbacks) { return ENOMEM; }
    int result = EIO;
    nl_cb_err(callbacks.get(), NL_CB_CUSTOM, &take_error, &result);
    nl_cb_set(callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, &take_ack, &result);
    nlmsg_hdr(message.get())->nlmsg_flags |= NLM_F_ACK;
    if (nl_send_auto(socket, message.get()) < 0) { return EIO; }
    static_cast<void>(nl_recvmsgs(socket, callbacks.get()));
    return result;
}

Netlink::Netlink(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::open() {
    auto impl = std::make_unique<Impl>();
    impl->socket = nl_socket_alloc();
    if (impl->socket == nullptr) {
        return std::unexpected(system_error("a netlink socket", ENOMEM));
    }
    if (const int error = nl_connect(impl->socket, NETLINK_ROUTE); error != 0) {
        return std::unexpected(Error{.code = ErrorCode::system,
                                     .wanted = "to configure routes (netlink)",
                                     .received = nl_geterror(error)});
    }
    return Netlink{std::move(impl)};
}

Status Netlink::set_up(int index, std::uint32_t mtu) {
    const Message message = make_message(RTM_NEWLINK, 0);
    ifinfomsg body{};
    body.ifi_family = AF_UNSPEC;
    body.ifi_index = index;
    body.ifi_flags = IFF_UP;
    body.ifi_change = IFF_UP;
    put_body(message, body);
    nla_put_u32(message.get(), IFLA_MTU, mtu);
    return verdict(impl_->request(message), "to bring the TUN interface up");
}

Status Netlink::set_mtu(int index, std::uint32_t mtu) {
    const Message message = make_message(RTM_NEWLINK, 0);
    ifinfomsg body{};
    body.ifi_family = AF_UNSPEC;
    body.ifi_index = index;
    put_body(message, body);
    nla_put_u32(message.get(), IFLA_MTU, mtu);
    return verdict(impl_->request(message),
                   fmt::format("to set the TUN interface's MTU to {}", mtu));
}

namespace {

Message address_message(int type, int flags, int index, const IpAddress& address) {
    Message message = make_message(type, flags);
    ifaddrmsg body{};
    body.ifa_family = family_octet(address.family());
    body.ifa_prefixlen = static_cast<unsigned char>(address.bits());
    // Usable at once: nobody else on a TUN can have it (RFC 4862 5.4).
    body.ifa_flags = address.is_v6() ? IFA_F_NODAD : 0;
    body.ifa_index = static_cast<std::uint32_t>(index);
    put_body(message, body);
    put_octets(message, IFA_LOCAL, address.octets());
    put_octets(message, IFA_ADDRESS, address.octets());
    return message;
}

}  // namespace

Status Netlink::add_address(int index, const IpAddress& address) {
    const int error =
        impl_->request(address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, address));
    return verdict(error == EEXIST ? 0 : error,
                   fmt::format("to give the TUN interface the address {}", address.to_string()));
}

Status Netlink::remove_address(int index, const IpAddress& address) {
    const int error = impl_->request(address_message(RTM_DELADDR, 0, index, address));
    const bool gone = error == EADDRNOTAVAIL || error == ENODEV;
    return verdict(gone ? 0 : error, fmt::format("to take the address {} off the TUN interface",
                                                 address.to_string()));
}

Status Netlink::delete_link(std::string_view name) {
    const std::string terminated{name};
    const unsigned index = ::if_nametoindex(terminated.c_str());
    if (index == 0) { return {}; }
    const Message message = make_message(RTM_DELLINK, 0);
    ifinfomsg body{};
    body.ifi_family = AF_UNSPEC;
    body.ifi_index = static_cast<int>(index);
    put_body(message, body);
    const int error = impl_->request(message);
    return verdict(error == ENODEV ? 0 : error, fmt::format("to delete the interface {}", name));
}

Status Netlink::add(const Route& route, std::uint32_t table, int device) {
    const Message message =
        route_message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, route, table, device);
    return verdict(impl_->request(message),
                   fmt::format("a route to {} in table {}", route.destination.to_string(), table));
}

Status Netlink::remove(const Route& route, std::uint32_t table, int device) {
    Route bare = route;  // found by destination, metric, type and device
    bare.mtu = 0;
    bare.mss = 0;
    bare.preferred_source.reset();
    const int error = impl_->request(route_message(RTM_DELROUTE, 0, bare, table, device));
    const bool gone = error == ESRCH || error == ENODEV || error == ENOENT;
    return verdict(gone ? 0 : error, fmt::format("to remove the route to {} from table {}",
                                                 route.destination.to_string(), table));
}

Status Netlink::add(const MarkRule& rule) {
    const int error = impl_->request(rule_message(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule));
    return verdict(
        error == EEXIST ? 0 : error,
        fmt::format("a rule at priority {} to look up table {}", rule.priority, rule.table));
}

Status Netlink::remove(const MarkRule& rule) {
    const int error = impl_->request(rule_message(RTM_DELRULE, 0, rule));
    return verdict(error == ENOENT ? 0 : error,
                   fmt::format("to remove the rule at priority {}", rule.priority));
}

namespace {

struct Dump {
    std::uint32_t table;
    Netlink::Flush which;
    std::vector<Message> deletions;
};

// Turns each route of ours that the kernel lists into the message that deletes it.
int take_route(nl_msg* listed, void* out) {
    auto& dump = *static_cast<Dump*>(out);
    const nlmsghdr* header = nlmsg_hdr(listed);
    if (header->nlmsg_type != RTM_NEWROUTE) { return NL_OK; }
    rtmsg body{};
    std::memcpy(&body, nlmsg_data(header), sizeof body);
    const bool unreachable = body.rtm_type == RTN_UNREACHABLE;
    const bool wanted = dump.which == Netlink::Flush::all ||
                        unreachable == (dump.which == Netlink::Flush::unreachable);
    if (!wanted) { return NL_OK; }
    std::uint32_t table = body.rtm_table;
    if (const nlattr* a = nlmsg_find_attr(nlmsg_hdr(listed), sizeof body, RTA_TABLE)) {
        table = nla_get_u32(a);
    }
    if (table != dump.table || body.rtm_protocol != route_protocol) { return NL_OK; }
    // Through libnl's frames nothing is thrown.
    Message message{nlmsg_alloc_simple(RTM_DELROUTE, NLM_F_REQUEST)};
    if (!message) { return NL_SKIP; }
    put_body(message, body);
    for (const int type : {RTA_DST, RTA_TABLE, RTA_PRIORITY, RTA_OIF}) {
        if (const nlattr* a = nlmsg_find_attr(nlmsg_hdr(listed), sizeof body, type)) {
            nla_put(message.get(), type, nla_len(a), nla_data(a));
        }
    }
    dump.deletions.push_back(std::move(message));
    return NL_OK;
}

}  // namespace

Status Netlink::flush_routes(IpFamily family, std::uint32_t table, Flush which) {
    Dump dump{.table = table, .which = which, .deletions = {}};
    const Message message = make_message(RTM_GETROUTE, NLM_F_DUMP);
    rtmsg body{};
    body.rtm_family = family_octet(family);
    put_body(message, body);
    const std::unique_ptr<nl_cb, CallbackFree> callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
    if (!callbacks || nl_send_auto(impl_->socket, message.get()) < 0) {
        return std::unexpected(system_error("to list routes", EIO));
    }
    nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, &take_route, &dump);
    static_cast<void>(nl_recvmsgs(impl_->socket, callbacks.get()));
    for (const Message& deletion : dump.deletions) {
        const int error = impl_->request(deletion);
        const bool gone = error == ESRCH || error == ENODEV || error == ENOENT;
        if (!gone && error != 0) { return verdict(error, "to remove a left-over route"); }
    }
    return {};
}

}  // namespace culvert::plane
