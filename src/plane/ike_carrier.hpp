#pragma once
// What every plane of ours does alike: carries IKE datagrams between the sockets and PlaneEvents,
// reports what the network refuses, and watches this host's addresses.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "plane/host_addresses.hpp"
#include "plane/ike_sockets.hpp"
#include "plane/plane.hpp"
#include "plane/poller.hpp"

namespace culvert::plane {

class IkeCarrier {
 public:
    explicit IkeCarrier(const PlaneSettings& settings) : settings_(settings) {}

    // Opens the sockets. `events` must outlive this.
    Status open(PlaneEvents& events, const IkeSockets::Needs& needs);

    // What a plane adds to the common part; each may be empty.
    struct Hooks {
        std::function<void(const Arrival&)> esp;            // that strayed among the IKE datagrams
        std::function<void(const NetworkError&)> path_mtu;  // errors that carry one; any thread
        std::function<void()> addresses_changed;
        // Rules, routes of our table or our own interface, by another hand than ours.
        std::function<void(bool only_rules)> set_up_changed;
    };
    // Hands the descriptor for news of the host to the poller, in whose thread they arrive from
    // then on. Before attach_worker().
    Status attach(Poller& poller, Hooks hooks);
    // What is there on one of the descriptors for IKE.
    void read_ike(int descriptor);
    // And those of one worker: ESP, and after each batch of it batch_done().
    Status attach_worker(Poller& poller, unsigned worker, std::function<void(const Arrival&)> esp,
                         std::function<void()> batch_done);

    // Changes that this interface undergoes are our own doing.
    void set_own_interface(int index) { own_interface_ = index; }

    void send(const IkeDatagram& datagram);
    void send_keepalive(const Endpoint& local, const Endpoint& remote);
    const IkeSockets& sockets() const { return *sockets_; }
    bool is_open() const { return sockets_.has_value(); }

    std::optional<IpAddress> source_for(const IpAddress& remote) const;
    bool is_local_address(const IpAddress& address) const;

    // Adds its counters: "ike_received", "ike_sent", "nat_t_keepalive"...
    void add_statistics(std::map<std::string, std::uint64_t>& out) const;

    // Tells PlaneEvents::send_failed; path MTUs go to the hook.
    void network_error(const NetworkError& error);

 private:
    // What one thread receives.
    struct Port {
        ReceiveBuffers buffers;
        IkeSockets::Sink sink;
        std::function<void()> batch_done;
    };
    Port& add_port(std::function<void(const Arrival&)> esp, std::function<void()> batch_done);
    Status watch(Poller& poller, Port& port, int fd);
    void count_others(Port& port);
    void read_addresses();

    PlaneSettings settings_;
    PlaneEvents* events_ = nullptr;
    std::optional<IkeSockets> sockets_;
    std::optional<AddressMonitor> monitor_;
    std::vector<std::unique_ptr<Port>> ports_;
    Port* ike_port_ = nullptr;
    Hooks hooks_;
    std::atomic<int> own_interface_ = 0;

    mutable std::mutex addresses_mutex_;
    std::vector<IpAddress> addresses_;

    std::atomic<std::uint64_t> received_ = 0;
    std::atomic<std::uint64_t> sent_ = 0;
    std::atomic<std::uint64_t> send_errors_ = 0;
    std::atomic<std::uint64_t> network_errors_ = 0;
    std::atomic<std::uint64_t> keep_alives_ = 0;
    std::atomic<std::uint64_t> junk_ = 0;
};

}  // namespace culvert::plane
