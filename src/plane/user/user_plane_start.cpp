#include <algorithm>
#include <cstdlib>
#include <memory>
#include <thread>
#include <utility>

#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "plane/file_descriptor.hpp"
#include "plane/limits.hpp"
#include "plane/user/user_plane.hpp"
#include "plane/user/user_plane_class.hpp"

namespace culvert::plane {
namespace {

unsigned workers_of(const PlaneSettings& settings) {
    const unsigned wanted =
        settings.workers != 0 ? settings.workers : std::thread::hardware_concurrency();
    return std::clamp(wanted, 1U, workers_max);
}

// Linux 4.18; one before it would send a run as a single datagram.
bool has_udp_gso() {
    const FileDescriptor fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    int size = 0;
    socklen_t length = sizeof size;
    return fd && ::getsockopt(fd.get(), SOL_UDP, UDP_SEGMENT, &size, &length) == 0;
}

}  // namespace

std::unique_ptr<Plane> make_user_plane(PlaneSettings settings) {
    return std::make_unique<UserPlane>(std::move(settings));
}

UserPlane::UserPlane(PlaneSettings settings)
    : settings_(std::move(settings)),
      worker_count_(workers_of(settings_)),
      steering_(FlowSteering::load()),
      carrier_(settings_),
      streams_({.mark = settings_.mark}, settings_.port_tcp) {
    if (!settings_.xdp.interfaces.empty()) { open_xdp(); }
}

// What went wrong is told when it is started.
void UserPlane::open_xdp() {
    auto opened = Xdp::open(settings_.xdp, xdp_refused_);
    if (opened) {
        if (opened->serves_any()) { xdp_.emplace(std::move(*opened)); }
        return;
    }
    const bool may_do_without =
        settings_.xdp.mode == XdpMode::automatic && opened.error().code != ErrorCode::config;
    if (may_do_without) {
        xdp_refused_.push_back(std::move(opened).error());
    } else {
        xdp_opened_ = std::unexpected(std::move(opened).error());
    }
}

UserPlane::~UserPlane() {
    streams_.stop();
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
    fast_paths_.udp_gso = fast_paths_.udp_gso && has_udp_gso();
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
    if (!xdp_opened_) { return xdp_opened_; }
    for (Error& refused : xdp_refused_) { events.warning(std::move(refused)); }

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
                                   .mark = settings_.mark,
                                   .port_tcp = settings_.port_tcp},
                    [&events](Error what) { events.warning(std::move(what)); });
    if (auto done = filter_->start(); !done) { events.warning(std::move(done).error()); }
    return {};
}

// Some queues for each worker; one for all where flows cannot be kept to theirs.
Status UserPlane::open_tun() {
    const unsigned lanes = std::min(lanes_a_worker_max, tun_queues_max / worker_count_);
    for (unsigned queues = steering_.loaded() ? worker_count_ * lanes : 1;; queues = 1) {
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
        .streams = streams_,
        .mark = settings_.mark,
        .workers = worker_count_,
        .turns = worker_count_ > 1 && tun_->queues() > 1 ? &turns_ : nullptr,
        .busy_workers = &busy_workers_,
        .cores = std::max(1U, std::thread::hardware_concurrency()),
        .xdp = xdp_ ? &*xdp_ : nullptr,
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
    streams_.use(events, [this](const Arrival& run) { return hand_over(run); });
    for (const auto& worker : workers_) { worker->start(); }
    if (xdp_) {
        xdp_->set_addresses(host_addresses_);
        xdp_->begin(nat_t_port());
    }
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
    hooks.set_up_changed = [this](bool only_rules) { set_up_changed(only_rules); };
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

}  // namespace culvert::plane
