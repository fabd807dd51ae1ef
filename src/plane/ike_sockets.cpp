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

    sockets_.push_back({Role::ike, 0, std::move(*ike)});
    options.port = nat_t_port_;
    options.coalesce = needs.coalesce;
    return open_nat_t(options, needs.workers);
}

// The workers' sockets first: their places among those of the port are their numbers. DF is a
// property of the socket, so what may be fragmented (IKE, ESP whose inner packet had no DF) leaves
// from another one; IKE arrives there too, out of the way of any amount of ESP.
Status IkeSockets::open_nat_t(UdpSocket::Options options, unsigned workers) {
    const std::size_t first = sockets_.size();
    const unsigned lanes = workers * receive_lanes;
    for (unsigned number = 0; number <= lanes; ++number) {
        const bool esp = number < lanes;
        options.dont_fragment = esp;
        options.join = number != 0;
        auto socket = UdpSocket::open(options);
        if (!socket) { return std::unexpected(std::move(socket).error()); }
        nat_t_port_ = options.port = socket->port();
        if (number == 0 && workers != 0) {
            if (auto done = socket->allow_joining(); !done) { return done; }
        }
        sockets_.push_back(
            {esp ? Role::esp : Role::nat_t, esp ? number % workers : 0, std::move(*socket)});
    }
    return workers == 0 ? Status{} : sockets_[first].socket.steer_arrivals(lanes);
}

const UdpSocket* IkeSockets::find(Role role, IpFamily family, unsigned worker) const {
    for (const Entry& entry : sockets_) {
        if (entry.role == role && entry.worker == worker && entry.socket.family() == family) {
            return &entry.socket;
        }
    }
    return nullptr;
}

std::vector<int> IkeSockets::descriptors() const {
    std::vector<int> out;
    for (const Entry& entry : sockets_) {
        if (entry.role != Role::esp) { out.push_back(entry.socket.fd()); }
    }
    return out;
}

std::vector<int> IkeSockets::descriptors(unsigned worker) const {
    std::vector<int> out;
    for (const Entry& entry : sockets_) {
        if (entry.role == Role::esp && entry.worker == worker) { out.push_back(entry.socket.fd()); }
    }
    return out;
}

Received IkeSockets::receive(int fd, ReceiveBuffers& buffers, Sink& sink) const {
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
    return {};
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
    const UdpSocket* socket =
        find(datagram.non_esp_marker ? Role::nat_t : Role::ike, datagram.remote.address.family());
    if (socket == nullptr) { return std::unexpected(no_socket_of_family(datagram.remote)); }
    Bytes marked;
    ByteView octets = datagram.bytes;
    if (datagram.non_esp_marker) {
        marked.reserve(non_esp_marker_octets + octets.size());
        marked.assign(non_esp_marker_octets, 0);
        append(marked, octets);
        octets = marked;
    }
    SendOptions options;
    if (datagram.dscp != 0) {
        options.traffic_class = static_cast<std::uint8_t>(datagram.dscp << 2U);
    }
    const int error = socket->send(octets, datagram.local, datagram.remote, options);
    if (error != 0) { return std::unexpected(cannot_send(datagram.remote, octets.size(), error)); }
    return {};
}

Status IkeSockets::send_keepalive(const Endpoint& local, const Endpoint& remote) const {
    const UdpSocket* socket = find(Role::nat_t, remote.address.family());
    if (socket == nullptr) { return std::unexpected(no_socket_of_family(remote)); }
    constexpr std::array<std::uint8_t, 1> octet{0xff};
    if (const int error = socket->send(octet, local, remote, {}); error != 0) {
        return std::unexpected(cannot_send(remote, octet.size(), error));
    }
    return {};
}

const UdpSocket* IkeSockets::esp_sender(unsigned worker, IpFamily family,
                                        bool dont_fragment) const {
    return dont_fragment ? find(Role::esp, family, worker) : find(Role::nat_t, family);
}

bool IkeSockets::coalesces() const {
    const UdpSocket* socket = find(Role::esp, IpFamily::v4);
    return socket != nullptr && socket->coalesces();
}

std::uint64_t IkeSockets::ike_overflowed() const { return overflowed(false); }
std::uint64_t IkeSockets::esp_overflowed() const { return overflowed(true); }

std::uint64_t IkeSockets::overflowed(bool esp) const {
    std::uint64_t out = 0;
    for (const Entry& entry : sockets_) {
        if ((entry.role == Role::esp) == esp) { out += entry.socket.overflowed(); }
    }
    return out;
}

}  // namespace culvert::plane
