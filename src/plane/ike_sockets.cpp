#include "plane/ike_sockets.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "plane/errors.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

void take_run(const Arrival& run, const std::function<void(const Arrival&)>& take_one) {
    for (std::size_t at = 0; at < run.octets.size(); at += run.stride) {
        Arrival one = run;
        one.octets = run.octets.subspan(at, std::min(run.stride, run.octets.size() - at));
        one.stride = one.octets.size();
        take_one(one);
    }
}

void take_ike(const Arrival& arrival, bool marker, IkeSockets::Sink& sink) {
    if (!sink.ike) { return; }
    const ByteView octets = marker ? arrival.octets.subspan(non_esp_marker_octets) : arrival.octets;
    sink.ike({.local = arrival.local,
              .remote = arrival.remote,
              .non_esp_marker = marker,
              .bytes = to_bytes(octets)});
}

void take_nat_t(const Arrival& arrival, IkeSockets::Sink& sink) {
    switch (kind_of_nat_t(arrival.octets)) {
        case NatTKind::keep_alive: ++sink.keep_alives; return;
        case NatTKind::junk: ++sink.junk; return;
        case NatTKind::ike: take_ike(arrival, true, sink); return;
        case NatTKind::esp:
            if (sink.esp) { sink.esp(arrival); }
            return;
    }
}

}  // namespace

Result<IkeSockets> IkeSockets::open(const PlaneSettings& settings, const Needs& needs) {
    const bool any_port = settings.port == 0 || settings.port_nat_t == 0;
    for (int attempt = 0;; ++attempt) {
        IkeSockets out;
        out.port_ = settings.port;
        out.nat_t_port_ = settings.port_nat_t;
        Status done = out.open_family(settings, needs, IpFamily::v4);
        if (done) { done = out.open_family(settings, needs, IpFamily::v6); }
        // No IPv6 on this host: IPv4 alone will do.
        if (!done && done.error().code == ErrorCode::unsupported && out.port_ != 0) { done = {}; }
        if (done) { return out; }
        const bool again = any_port && done.error().code == ErrorCode::address_in_use &&
                           attempt < free_port_tries_max;
        if (!again) { return std::unexpected(std::move(done).error()); }
    }
}

Status IkeSockets::open_family(const PlaneSettings& settings, const Needs& needs, IpFamily family) {
    UdpSocket::Options options{
        .family = family, .port = port_, .mark = settings.mark, .mark_needed = needs.mark};
    auto ike = UdpSocket::open(options);
    if (!ike) { return std::unexpected(std::move(ike).error()); }
    port_ = ike->port();

    options.port = nat_t_port_;
    options.dont_fragment = needs.esp;
    options.coalesce = true;
    auto nat_t = UdpSocket::open(options);
    if (!nat_t) { return std::unexpected(std::move(nat_t).error()); }
    nat_t_port_ = nat_t->port();
    sockets_.push_back({Role::ike, std::move(*ike)});

    if (needs.esp) {
        // DF is a property of the socket: what may be fragmented (IKE, ESP whose inner packet had
        // no DF) leaves from a second one on the same port.
        if (auto done = nat_t->allow_joining(); !done) { return done; }
        options.port = nat_t_port_;
        options.dont_fragment = false;
        options.join = true;
        auto second = UdpSocket::open(options);
        if (!second) { return std::unexpected(std::move(second).error()); }
        if (auto done = nat_t->keep_all_arrivals(); !done) { return done; }
        sockets_.push_back({Role::nat_t_df0, std::move(*second)});
    }
    sockets_.push_back({Role::nat_t, std::move(*nat_t)});
    return {};
}

const UdpSocket* IkeSockets::find(Role role, IpFamily family) const {
    for (const Entry& entry : sockets_) {
        if (entry.role == role && entry.socket.family() == family) { return &entry.socket; }
    }
    return nullptr;
}

const UdpSocket* IkeSockets::sender(bool nat_t, IpFamily family) const {
    if (!nat_t) { return find(Role::ike, family); }
    const UdpSocket* second = find(Role::nat_t_df0, family);
    return second != nullptr ? second : find(Role::nat_t, family);
}

std::vector<int> IkeSockets::descriptors() const {
    std::vector<int> out;
    out.reserve(sockets_.size());
    for (const Entry& entry : sockets_) { out.push_back(entry.socket.fd()); }
    return out;
}

bool IkeSockets::receive(int fd, ReceiveBuffers& buffers, Sink& sink) const {
    for (const Entry& entry : sockets_) {
        if (entry.socket.fd() != fd) { continue; }
        const bool nat_t = entry.role != Role::ike;
        return entry.socket.receive(buffers, [&](const Arrival& run) {
            // An empty datagram has no stride to step by, and nothing to say.
            if (run.octets.empty()) {
                ++sink.junk;
            } else if (!nat_t) {
                take_run(run, [&](const Arrival& one) { take_ike(one, false, sink); });
            } else {
                take_run(run, [&](const Arrival& one) { take_nat_t(one, sink); });
            }
        });
    }
    return false;
}

void IkeSockets::take_errors(int fd, Sink& sink) const {
    for (const Entry& entry : sockets_) {
        if (entry.socket.fd() != fd) { continue; }
        entry.socket.take_errors([&](const NetworkError& error) {
            if (sink.error) { sink.error(error); }
        });
    }
}

Status IkeSockets::send(const IkeDatagram& datagram) const {
    const UdpSocket* socket = sender(datagram.non_esp_marker, datagram.remote.address.family());
    if (socket == nullptr) { return std::unexpected(no_socket_of_family(datagram.remote)); }
    Bytes marked;
    ByteView octets = datagram.bytes;
    if (datagram.non_esp_marker) {
        marked.reserve(non_esp_marker_octets + octets.size());
        marked.assign(non_esp_marker_octets, 0);
        append(marked, octets);
        octets = marked;
    }
    const int error = socket->send(octets, datagram.local, datagram.remote, {});
    if (error != 0) { return std::unexpected(cannot_send(datagram.remote, octets.size(), error)); }
    return {};
}

Status IkeSockets::send_keepalive(const Endpoint& local, const Endpoint& remote) const {
    const UdpSocket* socket = sender(true, remote.address.family());
    if (socket == nullptr) { return std::unexpected(no_socket_of_family(remote)); }
    constexpr std::array<std::uint8_t, 1> octet{0xff};
    if (const int error = socket->send(octet, local, remote, {}); error != 0) {
        return std::unexpected(cannot_send(remote, octet.size(), error));
    }
    return {};
}

int IkeSockets::send_esp(ByteView octets, const Endpoint& local, const Endpoint& remote,
                         bool dont_fragment, const SendOptions& options) const {
    const IpFamily family = remote.address.family();
    const UdpSocket* socket = dont_fragment ? find(Role::nat_t, family) : sender(true, family);
    if (socket == nullptr) { return EAFNOSUPPORT; }
    return socket->send(octets, local, remote, options);
}

}  // namespace culvert::plane
