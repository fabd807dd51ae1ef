#include "plane/user/next_hops.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>

#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "plane/limits.hpp"
#include "plane/socket_address.hpp"
#include "plane/user/netlink.hpp"

namespace culvert::plane {
namespace {

struct SocketFree {
    void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};
using Socket = std::unique_ptr<nl_sock, SocketFree>;
struct MessageFree {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using Message = std::unique_ptr<nl_msg, MessageFree>;
struct CallbackFree {
    void operator()(nl_cb* callbacks) const { nl_cb_put(callbacks); }
};

// What the kernel's answer to one question says: the first message of it, and that it has ended.
struct Answer {
    Message message;
    bool ended = false;
};

int take_answer(nl_msg* message, void* out) {
    auto& answer = *static_cast<Answer*>(out);
    if (!answer.message) {
        nlmsg_get(message);
        answer.message.reset(message);
    }
    return NL_OK;
}
int take_end(nl_msg*, void* out) {
    static_cast<Answer*>(out)->ended = true;
    return NL_STOP;
}
int take_error(sockaddr_nl*, nlmsgerr*, void* out) {
    static_cast<Answer*>(out)->ended = true;
    return NL_STOP;
}

// Null when the kernel refuses or knows nothing.
Message ask(nl_sock* socket, const Message& question) {
    const std::unique_ptr<nl_cb, CallbackFree> callbacks{nl_cb_alloc(NL_CB_DEFAULT)};
    if (!question || !callbacks) { return nullptr; }
    Answer answer;
    nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, &take_answer, &answer);
    nl_cb_set(callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, &take_end, &answer);
    nl_cb_err(callbacks.get(), NL_CB_CUSTOM, &take_error, &answer);
    nlmsg_hdr(question.get())->nlmsg_flags |= NLM_F_ACK;
    if (nl_send_auto(socket, question.get()) < 0) { return nullptr; }
    while (!answer.ended) {
        if (nl_recvmsgs(socket, callbacks.get()) < 0) { break; }
    }
    return std::move(answer.message);
}

template <class Body>
Message question(int type, const Body& body) {
    Message message{nlmsg_alloc_simple(type, NLM_F_REQUEST)};
    if (message &&
        nlmsg_append(message.get(), const_cast<Body*>(&body), sizeof body, NLMSG_ALIGNTO) != 0) {
        return nullptr;
    }
    return message;
}

void put_address(const Message& message, int attribute, const IpAddress& address) {
    if (!message) { return; }
    const ByteView octets = address.octets();
    nla_put(message.get(), attribute, static_cast<int>(octets.size()), octets.data());
}

template <class Body>
Body body_of(const Message& message) {
    Body body{};
    std::memcpy(&body, nlmsg_data(nlmsg_hdr(message.get())), sizeof body);
    return body;
}

// Nothing: the message has no such attribute.
std::optional<ByteView> attribute(nl_msg* message, std::size_t body_size, int type) {
    const nlattr* found = nlmsg_find_attr(nlmsg_hdr(message), static_cast<int>(body_size), type);
    if (found == nullptr) { return std::nullopt; }
    return ByteView{static_cast<const std::uint8_t*>(nla_data(found)),
                    static_cast<std::size_t>(nla_len(found))};
}

std::optional<std::uint32_t> number(std::optional<ByteView> octets) {
    std::uint32_t value = 0;
    if (!octets || octets->size() != sizeof value) { return std::nullopt; }
    std::memcpy(&value, octets->data(), sizeof value);
    return value;
}

struct Hop {
    int interface = 0;
    IpAddress neighbour;
    std::uint32_t mtu = 0;  // the route's own; 0: none
};

std::uint32_t mtu_among(std::optional<ByteView> metrics) {
    if (!metrics) { return 0; }
    // nla_find() takes the head of a stream of attributes.
    const auto* head = reinterpret_cast<const nlattr*>(metrics->data());
    const nlattr* mtu = nla_find(head, static_cast<int>(metrics->size()), RTAX_MTU);
    return mtu == nullptr || nla_len(mtu) != 4 ? 0 : nla_get_u32(mtu);
}

// The gateway of a route, of either family, or the destination itself.
std::optional<IpAddress> neighbour_of(nl_msg* route, const IpAddress& remote) {
    if (const auto gateway = attribute(route, sizeof(rtmsg), RTA_GATEWAY)) {
        return IpAddress::from_octets(*gateway);
    }
    if (const auto via = attribute(route, sizeof(rtmsg), RTA_VIA)) {
        // rtvia: the family in two octets, and the address (RFC 5549).
        return via->size() < 2 ? std::nullopt : IpAddress::from_octets(via->subspan(2));
    }
    return remote;
}

std::optional<Hop> ask_route(nl_sock* socket, std::uint32_t mark, const IpAddress& local,
                             const IpAddress& remote) {
    rtmsg body{};
    body.rtm_family = static_cast<unsigned char>(address_family(remote.family()));
    body.rtm_dst_len = static_cast<unsigned char>(remote.bits());
    const bool from = !local.is_any() && local.family() == remote.family();
    if (from) { body.rtm_src_len = static_cast<unsigned char>(local.bits()); }
    const Message wanted = question(RTM_GETROUTE, body);
    if (!wanted) { return std::nullopt; }
    put_address(wanted, RTA_DST, remote);
    if (from) { put_address(wanted, RTA_SRC, local); }
    nla_put_u32(wanted.get(), RTA_MARK, mark);
    const Message route = ask(socket, wanted);
    if (!route || nlmsg_hdr(route.get())->nlmsg_type != RTM_NEWROUTE) { return std::nullopt; }
    if (body_of<rtmsg>(route).rtm_type != RTN_UNICAST) { return std::nullopt; }
    // Tunnels of the route's own (MPLS and the like) are the kernel's business.
    for (const int other : {RTA_ENCAP, RTA_MULTIPATH}) {
        if (attribute(route.get(), sizeof(rtmsg), other)) { return std::nullopt; }
    }
    const auto interface = number(attribute(route.get(), sizeof(rtmsg), RTA_OIF));
    const auto neighbour = neighbour_of(route.get(), remote);
    if (!interface || !neighbour) { return std::nullopt; }
    return Hop{.interface = static_cast<int>(*interface),
               .neighbour = *neighbour,
               .mtu = mtu_among(attribute(route.get(), sizeof(rtmsg), RTA_METRICS))};
}

struct Link {
    std::uint32_t mtu = 0;
    std::array<std::uint8_t, 6> address{};
};

// Of an Ethernet interface that is up; nothing for others.
std::optional<Link> ask_link(nl_sock* socket, int interface) {
    ifinfomsg body{};
    body.ifi_family = AF_UNSPEC;
    body.ifi_index = interface;
    const Message link = ask(socket, question(RTM_GETLINK, body));
    if (!link || nlmsg_hdr(link.get())->nlmsg_type != RTM_NEWLINK) { return std::nullopt; }
    const auto is = body_of<ifinfomsg>(link);
    if (is.ifi_type != ARPHRD_ETHER || (is.ifi_flags & IFF_UP) == 0) { return std::nullopt; }
    const auto mtu = number(attribute(link.get(), sizeof(ifinfomsg), IFLA_MTU));
    const auto address = attribute(link.get(), sizeof(ifinfomsg), IFLA_ADDRESS);
    Link out;
    if (!mtu || !address || address->size() != out.address.size()) { return std::nullopt; }
    out.mtu = *mtu;
    std::ranges::copy(*address, out.address.begin());
    return out;
}

std::optional<std::array<std::uint8_t, 6>> ask_neighbour(nl_sock* socket, const Hop& hop) {
    ndmsg body{};
    body.ndm_family = static_cast<std::uint8_t>(address_family(hop.neighbour.family()));
    body.ndm_ifindex = hop.interface;
    const Message wanted = question(RTM_GETNEIGH, body);
    put_address(wanted, NDA_DST, hop.neighbour);
    const Message neighbour = ask(socket, wanted);
    if (!neighbour || nlmsg_hdr(neighbour.get())->nlmsg_type != RTM_NEWNEIGH) {
        return std::nullopt;
    }
    constexpr unsigned known =
        NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;
    const auto address = attribute(neighbour.get(), sizeof(ndmsg), NDA_LLADDR);
    std::array<std::uint8_t, 6> out{};
    if ((body_of<ndmsg>(neighbour).ndm_state & known) == 0 || !address ||
        address->size() != out.size()) {
        return std::nullopt;
    }
    std::ranges::copy(*address, out.begin());
    return out;
}

struct Path {
    IpAddress local;
    IpAddress remote;

    friend bool operator==(const Path&, const Path&) = default;
};
struct PathHash {
    std::size_t operator()(const Path& path) const noexcept {
        const std::hash<IpAddress> hash;
        return hash(path.remote) * 31 + hash(path.local);
    }
};

}  // namespace

struct NextHops::Impl {
    struct Known {
        std::optional<NextHop> hop;  // nothing: not ours to send
        IpAddress neighbour;
        int interface = 0;
        Instant again_at;  // when the kernel sends for us
    };

    Socket questions;
    Socket news;
    std::uint32_t mark = 0;
    Instant look_at;
    std::unordered_map<Path, Known, PathHash> known;

    static int take_news(nl_msg* message, void* self);
    void hear();
    Known ask_all(const Path& path) const;
};

// What changes a route makes all unknown; what changes a neighbour, only who goes through it.
int NextHops::Impl::take_news(nl_msg* message, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    const nlmsghdr* header = nlmsg_hdr(message);
    if (header->nlmsg_type == RTM_NEWNEIGH || header->nlmsg_type == RTM_DELNEIGH) {
        ndmsg body{};
        std::memcpy(&body, nlmsg_data(header), sizeof body);
        const auto octets = attribute(message, sizeof body, NDA_DST);
        const auto whose = octets ? IpAddress::from_octets(*octets) : std::nullopt;
        if (!whose) { return NL_OK; }
        std::erase_if(impl.known, [&](const auto& entry) {
            const Known& one = entry.second;
            return one.interface == body.ndm_ifindex && one.neighbour == *whose;
        });
        return NL_OK;
    }
    if (header->nlmsg_type == RTM_NEWROUTE || header->nlmsg_type == RTM_DELROUTE) {
        rtmsg body{};
        std::memcpy(&body, nlmsg_data(header), sizeof body);
        // Those of our own lead into the TUN, and our packets never take them.
        if (body.rtm_protocol == route_protocol) { return NL_OK; }
    }
    impl.known.clear();
    return NL_OK;
}

void NextHops::Impl::hear() {
    int result = 0;
    do { result = nl_recvmsgs_default(news.get()); } while (result == 0);
    // Overrun: the kernel had more to say than the buffer held.
    if (result == -NLE_NOMEM) { known.clear(); }
}

NextHops::Impl::Known NextHops::Impl::ask_all(const Path& path) const {
    Known out;
    // Addresses of one link have no meaning without naming it.
    if (path.remote.is_link_local() || path.remote.is_multicast()) { return out; }
    const auto hop = ask_route(questions.get(), mark, path.local, path.remote);
    if (!hop) { return out; }
    out.neighbour = hop->neighbour;
    out.interface = hop->interface;
    const auto link = ask_link(questions.get(), hop->interface);
    const auto address = link ? ask_neighbour(questions.get(), *hop) : std::nullopt;
    if (!address) { return out; }
    out.hop = NextHop{.interface = hop->interface,
                      .mtu = hop->mtu == 0 ? link->mtu : std::min(link->mtu, hop->mtu),
                      .link_address = *address,
                      .own_link_address = link->address};
    return out;
}

NextHops::NextHops(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NextHops::NextHops(NextHops&&) noexcept = default;
NextHops& NextHops::operator=(NextHops&&) noexcept = default;
NextHops::~NextHops() = default;

Result<NextHops> NextHops::open(std::uint32_t mark) {
    auto impl = std::make_unique<Impl>();
    impl->mark = mark;
    int error = 0;
    for (Socket* socket : {&impl->questions, &impl->news}) {
        socket->reset(nl_socket_alloc());
        if (!*socket) { return std::unexpected(system_error("a netlink socket", ENOMEM)); }
        if (error == 0) { error = nl_connect(socket->get(), NETLINK_ROUTE); }
    }
    nl_sock* const news = impl->news.get();
    nl_socket_disable_seq_check(news);
    nl_socket_modify_cb(news, NL_CB_VALID, NL_CB_CUSTOM, &Impl::take_news, impl.get());
    if (error == 0) {
        error = nl_socket_add_memberships(news, RTNLGRP_NEIGH, RTNLGRP_LINK, RTNLGRP_IPV4_ROUTE,
                                          RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,
                                          RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
    }
    if (error == 0) { error = nl_socket_set_nonblocking(news); }
    if (error != 0) {
        return std::unexpected(Error{.code = ErrorCode::system,
                                     .wanted = "to hear of next hops (netlink)",
                                     .received = nl_geterror(error)});
    }
    return NextHops{std::move(impl)};
}

const NextHop* NextHops::find(const IpAddress& local, const IpAddress& remote, Instant now) {
    if (now >= impl_->look_at) {
        impl_->look_at = now + next_hop_news_every;
        impl_->hear();
    }
    const Path path{local, remote};
    auto found = impl_->known.find(path);
    if (found == impl_->known.end()) {
        if (impl_->known.size() >= next_hops_max) { impl_->known.clear(); }
        found = impl_->known.emplace(path, impl_->ask_all(path)).first;
        found->second.again_at = now + neighbour_use_every;
    } else if (now >= found->second.again_at) {
        found->second.again_at = now + neighbour_use_every;
        // What was not known may have been learned meanwhile, by what the kernel sent.
        if (!found->second.hop) { impl_->known.erase(found); }
        return nullptr;
    }
    return found->second.hop ? &*found->second.hop : nullptr;
}

void NextHops::forget(const IpAddress& local, const IpAddress& remote) {
    impl_->known.erase(Path{local, remote});
}

}  // namespace culvert::plane
