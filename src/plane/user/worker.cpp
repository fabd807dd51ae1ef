#include "plane/user/worker.hpp"

#include <string>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

// For `top -H`. At most 15 letters; it fails only when there are more.
void name_thread(std::thread& thread, const std::string& name) {
    static_cast<void>(::pthread_setname_np(thread.native_handle(), name.c_str()));
}

}  // namespace

Result<std::unique_ptr<Worker>> Worker::make(const Shared& shared, unsigned number,
                                             const FastPaths& wanted) {
    auto raw = RawReceiver::open(number, shared.workers);
    if (!raw) { return std::unexpected(std::move(raw).error()); }
    auto sa_came = Signal::make();
    if (!sa_came) { return std::unexpected(std::move(sa_came).error()); }
    auto stray_came = Signal::make();
    if (!stray_came) { return std::unexpected(std::move(stray_came).error()); }
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): its constructor is private
    std::unique_ptr<Worker> out{new Worker{shared, number, wanted, std::move(*raw),
                                           std::move(*sa_came), std::move(*stray_came)}};
    const bool two_threads = out->has_queue_ && shared.workers <= split_workers_max;
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
    if (has_queue_) {
        if (auto done = watch_tun(); !done) { return done; }
    }
    const auto tick_ingress = [this] { ingress_.tick(); };
    const auto tick_egress = [this] {
        if (egress_) { egress_->tick(); }
    };
    if (!tun_poller_) {
        return network_poller_->every(tick_every, [tick_ingress, tick_egress] {
            tick_ingress();
            tick_egress();
        });
    }
    if (auto done = network_poller_->every(tick_every, tick_ingress); !done) { return done; }
    return tun_poller_->every(tick_every, tick_egress);
}

Status Worker::watch_network(IkeCarrier& carrier) {
    // First what came here by a detour: it is older.
    const auto take_strays = [this] {
        strays_.take([this](const Arrival& run) { ingress_.esp_in_udp(run); },
                     [this] { ingress_.flush(); });
    };
    Status done = carrier.attach_worker(
        *network_poller_, number_, [this](const Arrival& run) { ingress_.esp_in_udp(run); },
        [this] { ingress_.flush(); });
    if (!done) { return done; }
    done = network_poller_->watch(stray_came_.fd(), [this, take_strays](std::uint32_t) {
        stray_came_.take();
        take_strays();
    });
    if (!done) { return done; }
    for (const int fd : raw_.descriptors()) {
        if (done = watch_raw(fd); !done) { return done; }
    }
    return {};
}

Status Worker::watch_raw(int fd) {
    const bool ah = raw_.is_ah(fd);
    return network_poller_->watch(fd, [this, fd, ah](std::uint32_t) {
        for (int round = 0; round < rounds_a_wakeup_max; ++round) {
            const bool more = raw_.receive(fd, raw_buffers_, [&](const Arrival& arrival) {
                ah ? ingress_.native_ah(arrival) : ingress_.native_esp(arrival);
            });
            if (!more) { break; }
            ingress_.flush();
        }
    });
}

Status Worker::watch_tun() {
    Poller& poller = tun_poller();
    Status done = poller.watch(tun_.fd(), [this](std::uint32_t) { egress_->tun_ready(); });
    if (!done) { return done; }
    return poller.watch(sa_came_.fd(), [this](std::uint32_t) {
        sa_came_.take();
        egress_->flush_waiting();
    });
}

void Worker::start() {
    network_thread_ = std::thread{[this] { network_poller_->run(); }};
    name_thread(network_thread_, fmt::format("{}-{}", tun_poller_ ? "ingress" : "worker", number_));
    if (tun_poller_) {
        tun_thread_ = std::thread{[this] { tun_poller_->run(); }};
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
