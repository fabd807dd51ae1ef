#include "plane/user/user_plane.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <time.h>

#include "crypto/random.hpp"
#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/poller.hpp"
#include "plane/user/flow_steering.hpp"
#include "plane/user/kernel_set_up.hpp"
#include "plane/user/key_log.hpp"
#include "plane/user/packet_filter.hpp"
#include "plane/user/sa_book.hpp"
#include "plane/user/worker.hpp"

namespace culvert::plane {

Instant boot_time_now() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return Instant{std::chrono::seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

namespace {

unsigned workers_of(const PlaneSettings& settings) {
    const unsigned wanted =
        settings.workers != 0 ? settings.workers : std::thread::hardware_concurrency();
    return std::clamp(wanted, 1U, workers_max);
}

// Workers carry the packets; one more thread has IKE, news of the host and the slow tick. They
// share the immutable tables and little else; the book behind mutex_ belongs to whoever installs
// (the daemon's thread) and to the slow tick.
class UserPlane final : public Plane {
 public:
    // Here and not in start(): by then the daemon may have given up the right to.
    explicit UserPlane(PlaneSettings settings)
        : settings_(std::move(settings)),
          worker_count_(workers_of(settings_)),
          steering_(FlowSteering::load()),
          carrier_(settings_) {}
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
    void send_ike(IkeDatagram datagram) override { carrier_.send(datagram); }
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

    Status install(ChildSa sa) override;
    void stop_sending(ChildSaId id) override;
    void retire(ChildSaId id) override;
    void remove(ChildSaId id) override;
    Status update_endpoints(ChildSaId id, Endpoint local, Endpoint remote, bool udp_encap) override;
    Status add_address(const IpAddress& address) override;
    void remove_address(const IpAddress& address) override;
    Status add_policy(const Policy& policy) override;
    void remove_policy(const std::string& connection, const std::string& name) override;

    std::optional<ChildSaCounters> counters(ChildSaId id) override;
    std::map<std::string, std::uint64_t> statistics() override;
    std::string description() override;

 private:
    Status open_devices(PlaneEvents& events);
    Status open_tun();
    std::string fast_paths_in_use() const;
    Status start_workers(PlaneEvents& events);
    Status watch_control();
    bool hand_over(const Arrival& run);

    // With mutex_ held.
    void publish();
    Status follow_policies();
    std::uint32_t path_mtu_to(const IpAddress& remote) const;

    // Called by the workers, without mutex_.
    void lifetime(ChildSaId id, ipsec::LifetimeEvent event);
    void acquire(ReqId reqid, const TrafficSelector& local, const TrafficSelector& remote);
    void learned_path_mtu(const IpAddress& remote, std::uint32_t path_mtu);
    void network_says_too_big(const NetworkError& error);
    void tick();
    void addresses_changed();

    PlaneSettings settings_;
    unsigned worker_count_;
    FlowSteering steering_;
    FastPaths fast_paths_;
    PlaneEvents* events_ = nullptr;
    crypto::SystemRandom random_;

    // In the order of making; taken down in the reverse order.
    std::optional<KernelSetUp> kernel_;
    IkeCarrier carrier_;
    std::optional<RawSockets> raw_;
    std::optional<TunDevice> tun_;
    std::optional<PacketFilter> filter_;
    PublishedTables tables_;
    std::optional<Shared> shared_;
    SendTurns turns_;
    std::atomic<std::uint32_t> identification_ = 0;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::optional<Poller> control_poller_;
    std::thread control_thread_;

    std::mutex mutex_;
    SaBook book_;
    Instant inherited_until_ = boot_time_now() + inherited_hold;
    std::shared_ptr<const ipsec::Spd> followed_;  // what routes and filter were last made for
    std::vector<IpAddress> host_addresses_;
    std::atomic<bool> paths_changed_ = false;
    std::uint64_t path_mtu_refused_ = 0;  // with mutex_
    unsigned ticks_ = 0;

    std::mutex lifetime_mutex_;
    std::map<ChildSaId, ipsec::LifetimeEvent> told_;  // the last event of each SA

    std::mutex acquire_mutex_;
    std::map<ReqId, Instant> acquired_;  // when it was last asked for
};

UserPlane::~UserPlane() {
    if (control_poller_) { control_poller_->stop(); }
    if (control_thread_.joinable()) { control_thread_.join(); }
    for (const auto& worker : workers_) { worker->stop(); }
    filter_.reset();
    if (kernel_) { kernel_->undo(); }
}

Status UserPlane::start(PlaneEvents& events) {
    events_ = &events;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables here
    if (const char* names = std::getenv(fast_paths_variable)) {
        auto allowed = FastPaths::without(names);
        if (!allowed) { return std::unexpected(std::move(allowed).error()); }
        fast_paths_ = *allowed;
    }
    if (auto done = open_devices(events); !done) { return done; }
    return start_workers(events);
}

Status UserPlane::open_devices(PlaneEvents& events) {
    auto kernel = KernelSetUp::open(settings_);
    if (!kernel) { return std::unexpected(std::move(kernel).error()); }
    kernel_.emplace(std::move(*kernel));
    // Ports first: if they are taken then so may be, by a daemon that lives, what looks left over.
    if (auto done = carrier_.open(
            events, {.mark = true, .workers = worker_count_, .coalesce = fast_paths_.udp_gro});
        !done) {
        return done;
    }
    kernel_->undo_left_over();

    auto raw = RawSockets::open(settings_.mark);
    if (!raw) { return std::unexpected(std::move(raw).error()); }
    raw_.emplace(std::move(*raw));
    if (auto done = kernel_->announce(); !done) { return done; }
    if (auto done = open_tun(); !done) { return done; }
    carrier_.set_own_interface(tun_->index());
    const std::uint32_t mtu = settings_.tun_mtu != 0 ? settings_.tun_mtu : tun_mtu_default;
    if (auto done = kernel_->start(tun_->index(), mtu); !done) { return done; }

    filter_.emplace(FilterSettings{.table = filter_table_name(settings_.tun_name),
                                   .tun = settings_.tun_name,
                                   .port = ike_port(),
                                   .port_nat_t = nat_t_port(),
                                   .mark = settings_.mark});
    if (auto done = filter_->start(); !done) { events.warning(std::move(done).error()); }
    return {};
}

// A queue for each worker; one for all where flows cannot be kept to theirs.
Status UserPlane::open_tun() {
    for (unsigned queues = steering_.loaded() ? worker_count_ : 1;; queues = 1) {
        tun_.reset();
        auto tun = TunDevice::open(settings_.tun_name, fast_paths_, queues);
        if (!tun) { return std::unexpected(std::move(tun).error()); }
        tun_.emplace(std::move(*tun));
        if (tun_->queues() == 1 || steering_.apply(tun_->queue(0).fd()) == 0) { return {}; }
    }
}

Status UserPlane::start_workers(PlaneEvents& events) {
    for (const HostAddress& host : host_addresses()) {
        host_addresses_.push_back(host.address.address);
    }
    followed_ = book_.spd();
    publish();
    shared_.emplace(Shared{
        .events = events,
        .tables = tables_,
        .tun = *tun_,
        .raw = *raw_,
        .carrier = carrier_,
        .mark = settings_.mark,
        .workers = worker_count_,
        .turns = tun_->queues() > 1 ? &turns_ : nullptr,
        .identification = &identification_,
        .lifetime = [this](ChildSaId id, ipsec::LifetimeEvent event) { lifetime(id, event); },
        .path_mtu = [this](const IpAddress& remote,
                           std::uint32_t mtu) { learned_path_mtu(remote, mtu); },
        .acquire = [this](ReqId reqid, const TrafficSelector& local,
                          const TrafficSelector& remote) { acquire(reqid, local, remote); },
        .hand_over = [this](unsigned worker,
                            const Arrival& run) { return workers_[worker]->take_stray(run); }});
    for (unsigned number = 0; number < worker_count_; ++number) {
        auto worker = Worker::make(*shared_, number, fast_paths_);
        if (!worker) { return std::unexpected(std::move(worker).error()); }
        workers_.push_back(std::move(*worker));
    }
    if (auto done = watch_control(); !done) { return done; }
    for (const auto& worker : workers_) {
        if (auto done = worker->attach(carrier_); !done) { return done; }
    }
    for (const auto& worker : workers_) { worker->start(); }
    control_thread_ = std::thread{[this] { control_poller_->run(); }};
    return {};
}

Status UserPlane::watch_control() {
    auto poller = Poller::make();
    if (!poller) { return std::unexpected(std::move(poller).error()); }
    control_poller_.emplace(std::move(*poller));
    IkeCarrier::Hooks hooks;
    hooks.esp = [this](const Arrival& arrival) { hand_over(arrival); };
    hooks.path_mtu = [this](const NetworkError& error) { network_says_too_big(error); };
    hooks.addresses_changed = [this] { addresses_changed(); };
    if (auto done = carrier_.attach(*control_poller_, std::move(hooks)); !done) { return done; }
    for (const int fd : raw_->descriptors()) {
        auto ready = [this, fd](std::uint32_t) {
            raw_->take_errors(fd, [this](const NetworkError& e) { carrier_.network_error(e); });
        };
        if (auto done = control_poller_->watch(fd, std::move(ready)); !done) { return done; }
    }
    return control_poller_->every(tick_every, [this] { tick(); });
}

// ESP that came along with IKE. Whoever gets it sorts out what is not his.
bool UserPlane::hand_over(const Arrival& run) {
    const auto spi = ipsec::peek_spi(run.octets);
    return spi && workers_[shared_->owner(*spi)]->take_stray(run);
}

void UserPlane::publish() { tables_.publish(book_.spd(), book_.sad()); }

// Routes and packet filter after the policies.
Status UserPlane::follow_policies() {
    followed_ = book_.spd();
    const Status done = kernel_->apply(plan_routes(book_.routed(), host_addresses_));
    if (settings_.tun_mtu == 0) {
        const std::uint32_t wanted = std::clamp(
            book_.inner_mtu_max(), std::uint32_t{tun_mtu_default}, std::uint32_t{tun_mtu_max});
        if (auto set = kernel_->set_mtu(wanted); !set && done) { return set; }
    }
    filter_->update(book_.spd_entries());
    return done;
}

std::uint32_t UserPlane::path_mtu_to(const IpAddress& remote) const {
    return routed_mtu(remote, settings_.mark).value_or(0);
}

Status UserPlane::install(ChildSa sa) {
    const Instant now = boot_time_now();
    const std::scoped_lock lock{mutex_};
#ifdef CULVERT_KEY_LOG
    if (!settings_.key_log.empty()) { write_key_log(settings_.key_log, sa); }
#endif
    // What an older SA to this peer has learned holds; else what the kernel knows.
    const std::uint32_t learned = book_.path_mtu_to(sa.remote.address);
    const std::uint32_t path_mtu = learned != 0 ? learned : path_mtu_to(sa.remote.address);
    if (auto done = book_.add(sa, path_mtu, random_, now); !done) { return done; }
    // The workers know it before the routes bring them packets.
    publish();
    if (book_.spd() != followed_) {
        if (auto done = follow_policies(); !done) {
            book_.remove(sa.id);
            publish();
            static_cast<void>(follow_policies());
            return done;
        }
    } else if (sa.install_policies) {
        paths_changed_ = true;  // its MTU may differ from that of its predecessor
    }
    for (const auto& worker : workers_) { worker->sa_came(); }
    return {};
}

void UserPlane::stop_sending(ChildSaId id) {
    const std::scoped_lock lock{mutex_};
    book_.stop_sending(id);
    publish();
}

void UserPlane::remove(ChildSaId id) {
    {
        const std::scoped_lock lock{mutex_};
        book_.remove(id);
        // The routes go before the policies: what still comes is dropped, not sent in clear.
        publish();
        if (book_.spd() != followed_) { static_cast<void>(follow_policies()); }
    }
    const std::scoped_lock lock{lifetime_mutex_};
    told_.erase(id);
}

void UserPlane::retire(ChildSaId id) {
    const std::scoped_lock lock{mutex_};
    book_.retire(id, boot_time_now() + retired_linger);
    publish();
}

Status UserPlane::update_endpoints(ChildSaId id, Endpoint local, Endpoint remote, bool udp_encap) {
    const std::scoped_lock lock{mutex_};
    const Status done =
        book_.update_endpoints(id, {.local = local, .remote = remote, .udp_encap = udp_encap},
                               path_mtu_to(remote.address));
    if (done) {
        publish();
        paths_changed_ = true;
    }
    return done;
}

// The monitor passes over our own interface, so what routes prefer as source is learned here.
Status UserPlane::add_address(const IpAddress& address) {
    const std::scoped_lock lock{mutex_};
    if (auto done = kernel_->add_address(address); !done) { return done; }
    if (std::ranges::find(host_addresses_, address) == host_addresses_.end()) {
        host_addresses_.push_back(address);
    }
    return follow_policies();
}

void UserPlane::remove_address(const IpAddress& address) {
    const std::scoped_lock lock{mutex_};
    std::erase(host_addresses_, address);
    // First the routes that prefer it as source.
    static_cast<void>(follow_policies());
    static_cast<void>(kernel_->remove_address(address));
}

Status UserPlane::add_policy(const Policy& policy) {
    const std::scoped_lock lock{mutex_};
    book_.add(policy);
    publish();
    return follow_policies();
}

void UserPlane::remove_policy(const std::string& connection, const std::string& name) {
    const std::scoped_lock lock{mutex_};
    book_.remove(connection, name);
    publish();
    if (book_.spd() != followed_) { static_cast<void>(follow_policies()); }
}

std::optional<ChildSaCounters> UserPlane::counters(ChildSaId id) {
    const std::scoped_lock lock{mutex_};
    return book_.counters(id, boot_time_now());
}

std::map<std::string, std::uint64_t> UserPlane::statistics() {
    std::map<std::string, std::uint64_t> out;
    if (workers_.empty()) { return out; }
    carrier_.add_statistics(out);
    out["esp_receive_overflow"] = carrier_.sockets().esp_overflowed();
    for (const auto& worker : workers_) { worker->add_statistics(out); }
    if (const auto full = tun_->overflowed()) { out["tun_queue_full"] = *full; }
    {
        const std::scoped_lock lock{mutex_};
        out["sas"] = book_.size();
        out["policies"] = book_.policies();
        // ICMP "too big" that names no SA of ours, or would widen a path.
        out["path_mtu_refused"] = path_mtu_refused_;
    }
    // The kernel counts what its packet filter drops for us.
    if (const auto dropped = filter_->dropped()) {
        out[std::string{name(ipsec::DropReason::inbound_must_be_protected)}] += dropped->clear;
        out[std::string{name(ipsec::DropReason::inbound_discard)}] += dropped->discard;
    }
    out["filter_update_failed"] = filter_->failures();
    return out;
}

std::string UserPlane::description() {
    const bool filtered = filter_ && filter_->running();
    return fmt::format("user (TUN {}, {} worker{}, UDP {} and {}; fast paths: {}{})",
                       settings_.tun_name, worker_count_, worker_count_ == 1 ? "" : "s", ike_port(),
                       nat_t_port(), fast_paths_in_use(),
                       filtered ? "" : "; no filter for clear packets");
}

std::string UserPlane::fast_paths_in_use() const {
    std::vector<std::string_view> names;
    if (tun_) {
        if (tun_->offloads().tcp) { names.push_back("TUN super-packets of TCP"); }
        if (tun_->offloads().udp) { names.push_back("of UDP"); }
        if (tun_->queues() > 1) { names.push_back("TUN queues by flow"); }
        if (fast_paths_.udp_gso) { names.push_back("UDP GSO"); }
        if (fast_paths_.packet_socket) { names.push_back("packet socket for native ESP"); }
        if (carrier_.is_open() && carrier_.sockets().coalesces()) { names.push_back("UDP GRO"); }
    }
    return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

void UserPlane::lifetime(ChildSaId id, ipsec::LifetimeEvent event) {
    if (event == ipsec::LifetimeEvent::none) { return; }
    {
        // Both directions reach their limits; the first one to do so speaks for the pair.
        const std::scoped_lock lock{lifetime_mutex_};
        auto& told = told_[id];
        if (told >= event) { return; }
        told = event;
    }
    events_->expire(id, event == ipsec::LifetimeEvent::soft ? ExpireKind::soft : ExpireKind::hard);
}

void UserPlane::acquire(ReqId reqid, const TrafficSelector& local, const TrafficSelector& remote) {
    {
        // Several workers may have packets for the same.
        const Instant now = boot_time_now();
        const std::scoped_lock lock{acquire_mutex_};
        std::erase_if(acquired_,
                      [now](const auto& one) { return now - one.second >= acquire_again_after; });
        if (!acquired_.try_emplace(reqid, now).second) { return; }
    }
    events_->acquire(reqid, local, remote);
}

void UserPlane::learned_path_mtu(const IpAddress& remote, std::uint32_t path_mtu) {
    const std::scoped_lock lock{mutex_};
    if (book_.set_path_mtu(remote, path_mtu)) { paths_changed_ = true; }
}

void UserPlane::network_says_too_big(const NetworkError& error) {
    if (!error.said_by) {  // our own host: its interface's MTU
        learned_path_mtu(error.remote.address, *error.path_mtu);
        return;
    }
    const std::scoped_lock lock{mutex_};
    if (book_.believe_path_mtu(error.remote.address, error.quoted, *error.path_mtu)) {
        paths_changed_ = true;
    } else {
        ++path_mtu_refused_;
    }
}

void UserPlane::tick() {
    std::vector<std::pair<ChildSaId, ipsec::LifetimeEvent>> events;
    {
        const std::scoped_lock lock{mutex_};
        const Instant now = boot_time_now();
        if (book_.remove_retired(now)) { publish(); }
        if (now >= inherited_until_) { kernel_->drop_inherited(); }
        events = book_.take_lifetime_events(now);
        // What the kernel has learned about paths, and forgotten again (RFC 1191 6.3).
        if (++ticks_ % ticks_between_path_looks == 0) {
            for (const IpAddress& remote : book_.remotes()) {
                const std::uint32_t path_mtu = path_mtu_to(remote);
                if (path_mtu != 0 && book_.widen_path_mtu(remote, path_mtu)) {
                    paths_changed_ = true;
                }
            }
        }
        if (paths_changed_.exchange(false)) { static_cast<void>(follow_policies()); }
    }
    for (const auto& [id, event] : events) { lifetime(id, event); }
}

void UserPlane::addresses_changed() {
    const std::scoped_lock lock{mutex_};
    host_addresses_.clear();
    for (const HostAddress& host : host_addresses()) {
        host_addresses_.push_back(host.address.address);
    }
    ticks_ = ticks_between_path_looks - 1;  // the next tick looks at the paths
    paths_changed_ = true;
}

}  // namespace

std::unique_ptr<Plane> make_user_plane(PlaneSettings settings) {
    return std::make_unique<UserPlane>(std::move(settings));
}

}  // namespace culvert::plane
