#include "plane/ike_carrier.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "plane/errors.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

// Off the packet path, and nothing hangs on their order: relaxed is enough.
void count(std::atomic<std::uint64_t>& counter, std::uint64_t times = 1) {
    if (times != 0) { counter.fetch_add(times, std::memory_order_relaxed); }
}

}  // namespace

Status IkeCarrier::open(PlaneEvents& events, const IkeSockets::Needs& needs) {
    auto sockets = IkeSockets::open(settings_, needs);
    if (!sockets) { return std::unexpected(std::move(sockets).error()); }
    auto monitor = AddressMonitor::open();
    if (!monitor) { return std::unexpected(std::move(monitor).error()); }
    events_ = &events;
    sockets_.emplace(std::move(*sockets));
    monitor_.emplace(std::move(*monitor));
    read_addresses();
    return {};
}

Status IkeCarrier::attach(Poller& poller, Hooks hooks) {
    hooks_ = std::move(hooks);
    ike_port_ = &add_port(hooks_.esp, {});
    return poller.watch(monitor_->fd(), [this](std::uint32_t) {
        const AddressMonitor::News news =
            monitor_->news(own_interface_.load(), settings_.routing_table);
        if ((news.rules || news.set_up) && hooks_.set_up_changed) {
            hooks_.set_up_changed(!news.set_up);
        }
        if (!news.addresses) { return; }
        read_addresses();
        if (hooks_.addresses_changed) { hooks_.addresses_changed(); }
        events_->addresses_changed();
    });
}

Status IkeCarrier::attach_worker(Poller& poller, unsigned worker,
                                 std::function<void(const Arrival&)> esp,
                                 std::function<void()> batch_done) {
    Port& port = add_port(std::move(esp), std::move(batch_done));
    for (const int fd : sockets_->descriptors(worker)) {
        if (auto done = watch(poller, port, fd); !done) { return done; }
    }
    return {};
}

IkeCarrier::Port& IkeCarrier::add_port(std::function<void(const Arrival&)> esp,
                                       std::function<void()> batch_done) {
    Port& port = *ports_.emplace_back(std::make_unique<Port>());
    port.batch_done = std::move(batch_done);
    port.sink.esp = std::move(esp);
    port.sink.ike = [this](IkeDatagram datagram) {
        count(received_);
        events_->ike_datagram(std::move(datagram));
    };
    port.sink.error = [this](const NetworkError& error) { network_error(error); };
    return port;
}

Status IkeCarrier::watch(Poller& poller, Port& port, int fd) {
    return poller.watch(fd, [this, fd, &port](std::uint32_t events) {
        if ((events & EPOLLERR) != 0) { sockets_->take_errors(fd, port.sink); }
        for (int round = 0; round < rounds_a_wakeup_max; ++round) {
            const bool more = sockets_->receive(fd, port.buffers, port.sink).more;
            if (port.batch_done) { port.batch_done(); }
            if (!more) { break; }
        }
        count_others(port);
    });
}

void IkeCarrier::count_others(Port& port) {
    count(keep_alives_, std::exchange(port.sink.keep_alives, 0));
    count(junk_, std::exchange(port.sink.junk, 0));
}

void IkeCarrier::read_ike(int descriptor) {
    ASSERT(ike_port_ != nullptr);
    for (int round = 0; round < rounds_a_wakeup_max; ++round) {
        const Received got = sockets_->receive(descriptor, ike_port_->buffers, ike_port_->sink);
        // An error of the network stands in front of what arrived.
        if (got.count == 0) { sockets_->take_errors(descriptor, ike_port_->sink); }
        if (!got.more) { break; }
    }
    count_others(*ike_port_);
}

void IkeCarrier::send(const IkeDatagram& datagram) {
    const Status sent = sockets_->send(datagram);
    if (sent) {
        count(sent_);
        return;
    }
    count(send_errors_);
    events_->send_failed(datagram.remote, sent.error());
}

void IkeCarrier::send_keepalive(const Endpoint& local, const Endpoint& remote) {
    const Status sent = sockets_->send_keepalive(local, remote);
    if (sent) { return; }
    count(send_errors_);
    events_->send_failed(remote, sent.error());
}

std::optional<IpAddress> IkeCarrier::source_for(const IpAddress& remote) const {
    return routed_source(remote, settings_.mark);
}

bool IkeCarrier::is_local_address(const IpAddress& address) const {
    if (address.is_loopback()) { return true; }
    const std::scoped_lock lock{addresses_mutex_};
    return std::ranges::find(addresses_, address) != addresses_.end();
}

void IkeCarrier::add_statistics(std::map<std::string, std::uint64_t>& out) const {
    out["ike_received"] = received_.load(std::memory_order_relaxed);
    out["ike_sent"] = sent_.load(std::memory_order_relaxed);
    out["ike_send_failed"] = send_errors_.load(std::memory_order_relaxed);
    out["network_errors"] = network_errors_.load(std::memory_order_relaxed);
    out["nat_t_keepalives_received"] = keep_alives_.load(std::memory_order_relaxed);
    out["nat_t_junk"] = junk_.load(std::memory_order_relaxed);
    if (sockets_) { out["ike_receive_overflow"] = sockets_->ike_overflowed(); }
}

void IkeCarrier::network_error(const NetworkError& error) {
    count(network_errors_);
    if (error.path_mtu) {
        if (hooks_.path_mtu) { hooks_.path_mtu(error); }
        return;
    }
    events_->send_failed(error.remote,
                         unreachable(error.remote, error.error_number,
                                     error.said_by ? error.said_by->to_string() : std::string{}));
}

void IkeCarrier::read_addresses() {
    std::vector<IpAddress> addresses;
    for (const HostAddress& host : host_addresses()) { addresses.push_back(host.address.address); }
    const std::scoped_lock lock{addresses_mutex_};
    addresses_ = std::move(addresses);
}

}  // namespace culvert::plane
