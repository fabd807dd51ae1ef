#include "plane/user/worker.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <sys/prctl.h>

#include "plane/limits.hpp"
#include "plane/user/xdp_frame.hpp"

namespace culvert::plane {
namespace {

// The kernel wakes who sleeps up to 50 us late, to save power, unless told not to.
void wake_in_time() { static_cast<void>(::prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL)); }

void wait_for_more(const Moderation& moderation) {
    if (const auto wait = moderation.wait(); wait.count() != 0) {
        std::this_thread::sleep_for(wait);
    }
}

// For `top -H`. At most 15 letters; it fails only when there are more.
void name_thread(std::thread& thread, const std::string& name) {
    static_cast<void>(::pthread_setname_np(thread.native_handle(), name.c_str()));
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::make(const Shared& shared, unsigned number,
                                             const FastPaths& wanted) {
    auto raw = RawReceiver::open(number, shared.workers, shared.mark);
    if (!raw) { return std::unexpected(std::move(raw).error()); }
    auto sa_came = Signal::make();
    if (!sa_came) { return std::unexpected(std::move(sa_came).error()); }
    auto stray_came = Signal::make();
    if (!stray_came) { return std::unexpected(std::move(stray_came).error()); }
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): its constructor is private
    std::unique_ptr<Worker> out{new Worker{shared, number, wanted, std::move(*raw),
                                           std::move(*sa_came), std::move(*stray_came)}};
    const bool two_threads = out->egress_ && shared.workers <= split_workers_max;
    for (auto* poller : {&out->network_poller_, &out->tun_poller_}) {
        if (poller == &out->tun_poller_ && !two_threads) { continue; }
        auto made = Poller::make();
        if (!made) { return std::unexpected(std::move(made).error()); }
        poller->emplace(std::move(*made));
    }
    return out;
}

Status Worker::attach(IkeCarrier& carrier) {
    if (auto done = watch_network(carrier); !done) { return done; }
    if (egress_) {
        if (auto done = watch_tun(*network_poller_, false); !done) { return done; }
    }
    if (auto done = network_poller_->every(tick_every, [this] { tick(false); }); !done) {
        return done;
    }
    if (!tun_poller_) { return {}; }
    if (auto done = watch_tun(*tun_poller_, true); !done) { return done; }
    for (const int fd : tun_descriptors()) { tun_poller_->look_at(fd, false); }
    return tun_poller_->every(tick_every, [this] { tick(true); });
}

Status Worker::watch_network(IkeCarrier& carrier) {
    // First what came here by a detour: it is older.
    const auto take_strays = [this] {
        strays_.take([this](const Arrival& run) { ingress_.stray(run); }, [this] { batch_done(); });
    };
    Status done = carrier.attach_worker(
        *network_poller_, number_, [this](const Arrival& run) { ingress_.esp_in_udp(run); },
        [this] { batch_done(); });
    if (!done) { return done; }
    done = network_poller_->watch(stray_came_.fd(), [this, take_strays](std::uint32_t) {
        stray_came_.take();
        take_strays();
    });
    if (!done) { return done; }
    for (const int fd : raw_.descriptors()) {
        if (done = watch_raw(fd, carrier); !done) { return done; }
    }
    for (XdpSocket* const socket : xdp_) {
        if (done = watch_xdp(*socket); !done) { return done; }
    }
    return {};
}

Status Worker::watch_xdp(XdpSocket& socket) {
    return network_poller_->watch(socket.fd(), [this, &socket](std::uint32_t) {
        std::uint64_t packets = 0;
        wait_for_more(xdp_moderation_);
        for (int round = 0; round < rounds_a_wakeup_max; ++round) {
            const std::size_t count = socket.receive([this](MutableByteView frame) {
                const auto arrival = arrival_in(frame);
                arrival ? ingress_.from_xdp(*arrival) : ingress_.malformed();
            });
            packets += count;
            batch_done();
            if (count < receive_single_batch_max) { break; }
        }
        xdp_moderation_.took(packets, boot_time_now());
    });
}

Status Worker::watch_raw(int fd, IkeCarrier& carrier) {
    const bool ah = raw_.is_ah(fd);
    return network_poller_->watch(fd, [this, fd, ah, &carrier](std::uint32_t events) {
        if ((events & EPOLLERR) != 0) {
            raw_.take_errors(fd, [&](const NetworkError& e) { carrier.network_error(e); });
        }
        std::uint64_t packets = 0;
        wait_for_more(raw_moderation_);
        for (int round = 0; round < rounds_a_wakeup_max; ++round) {
            const bool more = raw_.receive(fd, raw_buffers_, [&](const Arrival& arrival) {
                ah ? ingress_.native_ah(arrival) : ingress_.native_esp(arrival);
                ++packets;
            });
            batch_done();
            if (!more) { break; }
        }
        raw_moderation_.took(packets, boot_time_now());
    });
}

Status Worker::watch_tun(Poller& poller, bool second) {
    for (const TunQueue* lane : lanes_) {
        Status done = poller.watch(lane->fd(), [this, lane, second](std::uint32_t) {
            if (split_.load(std::memory_order_acquire) != second) { return; }
            carry_tun(*lane);
        });
        if (!done) { return done; }
    }
    return poller.watch(sa_came_.fd(), [this, second](std::uint32_t) {
        if (split_.load(std::memory_order_acquire) != second) { return; }
        sa_came_.take();
        egress_->flush_waiting();
    });
}

std::vector<int> Worker::tun_descriptors() const {
    std::vector<int> out{sa_came_.fd()};
    for (const TunQueue* lane : lanes_) { out.push_back(lane->fd()); }
    return out;
}

// Each lane gets its turn, and no more than a wake-up's share of it.
void Worker::carry_tun(const TunQueue& lane) {
    const auto packets = [this] { return egress_->counters().of(Happening::tun_packets_read); };
    const std::uint64_t before = packets();
    wait_for_more(tun_moderation_);
    spoke_last_ = &lane;
    egress_->tun_ready(lane);
    tun_moderation_.took(packets() - before, boot_time_now());
    if (!split_.load(std::memory_order_relaxed)) { look_at_load(); }
}

// What came in may have been answered by the host within our write.
void Worker::batch_done() {
    ingress_.flush();
    if (!egress_ || split_.load(std::memory_order_acquire)) { return; }
    if (spoke_last_ == nullptr) { spoke_last_ = lanes_.front(); }
    // Where nobody answers so quickly, hardly ever.
    if (answers_missed_ < answers_missed_max || answers_missed_ % answers_missed_max == 0) {
        if (egress_->tun_ready(*spoke_last_)) {
            answers_missed_ = 0;
        } else {
            ++answers_missed_;
        }
    } else {
        ++answers_missed_;
    }
    look_at_load();
}

std::uint64_t Worker::carried() const {
    const WorkerCounters& in = ingress_.counters();
    const WorkerCounters& out = egress_->counters();
    return in.of(Happening::esp_octets_received) + out.of(Happening::tun_octets_read) +
           octets_a_packet *
               (in.of(Happening::esp_packets_received) + out.of(Happening::tun_packets_read));
}

// By the thread that carries both, as the last thing it does.
void Worker::look_at_load() {
    if (!tun_poller_ || !busyness_.is_busy(carried(), boot_time_now())) { return; }
    if (busyness_.room_for_two_threads(cores_)) { give_tun_to(true); }
}

void Worker::give_tun_to(bool second) {
    const std::scoped_lock lock{giving_};
    const Poller& before = second ? *network_poller_ : *tun_poller_;
    const Poller& after = second ? *tun_poller_ : *network_poller_;
    for (const int fd : tun_descriptors()) { before.look_at(fd, false); }
    split_.store(second, std::memory_order_release);
    for (const int fd : tun_descriptors()) { after.look_at(fd, true); }
}

void Worker::tick(bool second) {
    if (!second) { ingress_.tick(); }
    if (!egress_ || split_.load(std::memory_order_acquire) != second) { return; }
    egress_->tick();
    if (!tun_poller_) { return; }
    const bool idle = busyness_.becomes_idle(carried());
    if (second && (idle || !busyness_.room_for_two_threads(cores_))) { give_tun_to(false); }
}

void Worker::start() {
    network_thread_ = std::thread{[this] {
        wake_in_time();
        network_poller_->run();
    }};
    name_thread(network_thread_, fmt::format("worker-{}", number_));
    if (tun_poller_) {
        tun_thread_ = std::thread{[this] {
            wake_in_time();
            tun_poller_->run();
        }};
        name_thread(tun_thread_, fmt::format("egress-{}", number_));
    }
}

void Worker::stop() {
    for (auto* poller : {&network_poller_, &tun_poller_}) {
        if (*poller) { (*poller)->stop(); }
    }
    for (std::thread* thread : {&network_thread_, &tun_thread_}) {
        if (thread->joinable()) { thread->join(); }
    }
}

bool Worker::take_stray(const Arrival& run) {
    if (!strays_.give(run)) { return false; }
    stray_came_.give();
    return true;
}

void Worker::add_statistics(std::map<std::string, std::uint64_t>& out) const {
    if (egress_) { egress_->counters().add_to(out); }
    ingress_.counters().add_to(out);
    out["esp_receive_overflow"] += raw_.overflowed();
}

}  // namespace culvert::plane
