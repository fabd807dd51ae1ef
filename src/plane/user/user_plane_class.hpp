#pragma once
// The user plane as its own sources see it: user_plane.cpp has what is installed and removed,
// user_plane_start.cpp how it begins and ends, user_plane_news.cpp what it tells and is told.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "crypto/random.hpp"
#include "plane/limits.hpp"
#include "plane/poller.hpp"
#include "plane/tcp_streams.hpp"
#include "plane/user/flow_steering.hpp"
#include "plane/user/kernel_set_up.hpp"
#include "plane/user/packet_filter.hpp"
#include "plane/user/sa_book.hpp"
#include "plane/user/shared.hpp"
#include "plane/user/worker.hpp"
#include "plane/user/xdp.hpp"

namespace culvert::plane {

// Workers carry the packets; one more thread has IKE, news of the host and the slow tick. They
// share the immutable tables and little else; the book behind mutex_ belongs to whoever installs
// (the daemon's thread) and to the slow tick.
class UserPlane final : public Plane {
 public:
    // Here and not in start(): by then the daemon may have given up the right to.
    explicit UserPlane(PlaneSettings settings);
    UserPlane(const UserPlane&) = delete;
    UserPlane& operator=(const UserPlane&) = delete;
    UserPlane(UserPlane&&) = delete;
    UserPlane& operator=(UserPlane&&) = delete;
    ~UserPlane() override;

    Status start(PlaneEvents& events) override;

    std::vector<int> ike_descriptors() const override {
        return carrier_.is_open() ? carrier_.sockets().descriptors() : std::vector<int>{};
    }
    void read_ike(int descriptor) override { carrier_.read_ike(descriptor); }
    void send_ike(IkeDatagram datagram) override {
        if (datagram.stream != StreamId{}) {
            return streams_.send_ike(datagram.stream, datagram.bytes);
        }
        carrier_.send(datagram);
    }
    void send_keepalive(Endpoint local, Endpoint remote) override {
        carrier_.send_keepalive(local, remote);
    }
    std::uint16_t ike_port() const override {
        return carrier_.is_open() ? carrier_.sockets().port() : std::uint16_t{0};
    }
    std::uint16_t nat_t_port() const override {
        return carrier_.is_open() ? carrier_.sockets().nat_t_port() : std::uint16_t{0};
    }
    std::optional<IpAddress> source_for(const IpAddress& remote) override {
        return carrier_.source_for(remote);
    }
    bool is_local_address(const IpAddress& address) override {
        return carrier_.is_local_address(address);
    }

    Status listen_tcp(bool wanted) override { return streams_.listen(wanted); }
    void open_stream(StreamId id, Endpoint local, Endpoint remote) override {
        streams_.open(id, local, remote);
    }
    void keep_stream(StreamId id) override { streams_.keep(id); }
    void close_stream(StreamId id) override { streams_.close(id); }

    Status install(ChildSa sa) override;
    void stop_sending(ChildSaId id) override;
    void retire(ChildSaId id) override;
    void remove(ChildSaId id) override;
    Status update_endpoints(ChildSaId id, Endpoint local, Endpoint remote, bool udp_encap,
                            StreamId stream) override;
    Status add_address(const IpAddress& address) override;
    void remove_address(const IpAddress& address) override;
    Status add_policy(const Policy& policy) override;
    void remove_policy(const std::string& connection, const std::string& name) override;

    std::optional<ChildSaCounters> counters(ChildSaId id) override;
    std::map<std::string, std::uint64_t> statistics() override;
    std::string description() override;

 private:
    void open_xdp();
    Status open_devices(PlaneEvents& events);
    Status open_tun();
    std::string fast_paths_in_use() const;
    Status start_workers(PlaneEvents& events);
    Status watch_control();
    bool hand_over(const Arrival& run);

    // With mutex_ held.
    void publish();
    Status follow_policies();
    Status follow_addition(const RoutedPolicy& added);
    void follow_removal();
    std::uint32_t path_mtu_to(const IpAddress& remote) const;
    bool many() const { return book_.size() + book_.policies() > whole_plans_max; }

    // Called by the workers, without mutex_.
    void lifetime(ChildSaId id, ipsec::LifetimeEvent event);
    void acquire(ReqId reqid, const TrafficSelector& local, const TrafficSelector& remote);
    void learned_path_mtu(const IpAddress& remote, std::uint32_t path_mtu);
    void network_says_too_big(const NetworkError& error);
    void tick();
    void addresses_changed();
    void set_up_changed(bool only_rules);

    PlaneSettings settings_;
    unsigned worker_count_;
    FlowSteering steering_;
    FastPaths fast_paths_;
    PlaneEvents* events_ = nullptr;
    crypto::SystemRandom random_;

    // In the order of making; taken down in the reverse order.
    std::optional<KernelSetUp> kernel_;
    IkeCarrier carrier_;
    TcpStreams streams_;
    std::optional<RawSockets> raw_;
    std::optional<TunDevice> tun_;
    std::optional<Xdp> xdp_;          // some interface goes by AF_XDP
    std::vector<Error> xdp_refused_;  // others that were to
    Status xdp_opened_;
    std::optional<PacketFilter> filter_;
    PublishedTables tables_;
    std::optional<Shared> shared_;
    SendTurns turns_;
    std::atomic<unsigned> busy_workers_ = 0;
    std::atomic<std::uint32_t> identification_ = 0;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::optional<Poller> control_poller_;
    std::thread control_thread_;

    std::mutex mutex_;
    SaBook book_;
    Instant inherited_until_ = boot_time_now() + inherited_hold;
    bool wide_routes_ = false;
    bool much_to_free_ = false;
    std::shared_ptr<const ipsec::Spd> followed_;  // what routes and filter were last made for
    std::vector<IpAddress> host_addresses_;
    std::set<IpAddress> tun_addresses_;
    std::atomic<bool> paths_changed_ = false;
    std::uint64_t path_mtu_refused_ = 0;  // with mutex_
    unsigned ticks_ = 0;

    std::mutex lifetime_mutex_;
    std::map<ChildSaId, ipsec::LifetimeEvent> told_;  // the last event of each SA

    std::mutex acquire_mutex_;
    std::map<ReqId, Instant> acquired_;  // when it was last asked for
};

}  // namespace culvert::plane
