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

// `run`: of one kind, and of one datagram if it is not ESP.
void take_nat_t(const Arrival& run, NatTKind kind, IkeSockets::Sink& sink) {
    switch (kind) {
        case NatTKind::keep_alive: ++sink.keep_alives; return;
        case NatTKind::junk: ++sink.junk; return;
        case NatTKind::ike: take_ike(run, true, sink); return;
        case NatTKind::esp:
            if (sink.esp) { sink.esp(run); }
            return;
    }
}

// ESP that lies together goes on together.
void take_nat_t_run(const Arrival& run, IkeSockets::Sink& sink) {
    std::size_t begin = 0;
    const auto piece = [&](std::size_t from, std::size_t to) {
        Arrival out = run;
        out.octets = run.octets.subspan(from, to - from);
        out.stride = std::min(run.stride, out.octets.size());
        return out;
    };
    for (std::size_t at = 0; at < run.octets.size();) {
        const std::size_t next = std::min(at + run.stride, run.octets.size());
        const NatTKind kind = kind_of_nat_t(run.octets.subspan(at, next - at));
        if (kind != NatTKind::esp) {
            if (begin < at) { take_nat_t(piece(begin, at), NatTKind::esp, sink); }
            take_nat_t(piece(at, next), kind, sink);
            begin = next;
        }
        at = next;
    }
    if (begin < run.octets.size()) {
        take_nat_t(piece(begin, run.octets.size()), NatTKind::esp, sink);
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
    options.coalesce = needs.coalesce;
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
                take_nat_t_run(run, sink);
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
    const UdpSocket* socket = esp_sender(remote.address.family(), dont_fragment);
    if (socket == nullptr) { return EAFNOSUPPORT; }
    return socket->send(octets, local, remote, options);
}

int IkeSockets::send_esp_each(ByteView octets, const Endpoint& local, const Endpoint& remote,
                              bool dont_fragment, const SendOptions& options,
                              std::size_t& sent) const {
    const UdpSocket* socket = esp_sender(remote.address.family(), dont_fragment);
    if (socket == nullptr) { return EAFNOSUPPORT; }
    return socket->send_each(octets, local, remote, options, sent);
}

bool IkeSockets::coalesces() const {
    const UdpSocket* socket = find(Role::nat_t, IpFamily::v4);
    return socket != nullptr && socket->coalesces();
}

const UdpSocket* IkeSockets::esp_sender(IpFamily family, bool dont_fragment) const {
    return dont_fragment ? find(Role::nat_t, family) : sender(true, family);
}

}  // namespace culvert::plane
