#pragma once
// A worker of the user plane: carries what comes out of its queues of the TUN, and what arrives for
// the SAs that are its own. All of it in one thread: an answer to what has just come in, which the
// host has ready within our write, leaves at once. Where there are fewer workers than cores a
// second thread takes over what leaves for as long as there is much to carry.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "plane/ike_carrier.hpp"
#include "plane/poller.hpp"
#include "plane/signal.hpp"
#include "plane/user/busyness.hpp"
#include "plane/user/egress.hpp"
#include "plane/user/fast_paths.hpp"
#include "plane/user/ingress.hpp"
#include "plane/user/moderation.hpp"
#include "plane/user/raw_receiver.hpp"
#include "plane/user/shared.hpp"
#include "plane/user/stray_queue.hpp"
#include "plane/user/xdp.hpp"

namespace culvert::plane {

class Worker {
 public:
    // Fails with permission or system.
    static Result<std::unique_ptr<Worker>> make(const Shared& shared, unsigned number,
                                                const FastPaths& wanted);
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    Worker(Worker&&) = delete;
    Worker& operator=(Worker&&) = delete;
    ~Worker() { stop(); }

    // Watches its queue and its sockets, those of the carrier among them. Then start().
    Status attach(IkeCarrier& carrier);
    void start();
    void stop();

    // Any thread: an SA came, for which packets may wait.
    void sa_came() const { sa_came_.give(); }
    // Any thread: ESP for an SA of this worker that arrived elsewhere. False: it has too much.
    bool take_stray(const Arrival& run);

    void add_statistics(std::map<std::string, std::uint64_t>& out) const;

 private:
    Worker(const Shared& shared, unsigned number, const FastPaths& wanted, RawReceiver raw,
           Signal sa_came, Signal stray_came)
        : number_(number),
          xdp_(shared.xdp == nullptr ? std::vector<XdpSocket*>{}
                                     : shared.xdp->receivers(number, shared.workers)),
          raw_(std::move(raw)),
          sa_came_(std::move(sa_came)),
          stray_came_(std::move(stray_came)),
          lanes_(shared.tun.lanes(number, shared.workers)),
          cores_(shared.cores),
          busyness_(*shared.busy_workers),
          ingress_(shared, number) {
        if (!lanes_.empty()) { egress_.emplace(shared, number, wanted); }
    }
    Status watch_network(IkeCarrier& carrier);
    Status watch_raw(int fd, IkeCarrier& carrier);
    Status watch_xdp(XdpSocket& socket);
    Status watch_tun(Poller& poller, bool second);
    // In the thread that carries both.
    void batch_done();
    void carry_tun(const TunQueue& lane);
    void look_at_load();
    // Who carries what leaves: called by the thread that did so far.
    void give_tun_to(bool second);
    std::vector<int> tun_descriptors() const;
    void tick(bool second);
    std::uint64_t carried() const;

    unsigned number_;
    std::vector<XdpSocket*> xdp_;
    RawReceiver raw_;
    Signal sa_came_;
    Signal stray_came_;
    std::vector<const TunQueue*> lanes_;  // of the TUN: an interface made by others has one
    unsigned cores_;
    Busyness busyness_;
    std::mutex giving_;
    std::atomic<bool> split_ = false;  // the second thread carries what leaves
    unsigned answers_missed_ = 0;
    const TunQueue* spoke_last_ = nullptr;  // the lane that had something
    Moderation tun_moderation_;
    Moderation raw_moderation_;
    Moderation xdp_moderation_;
    StrayQueue strays_;
    ReceiveBuffers raw_buffers_{receive_single_batch_max};
    Ingress ingress_;
    std::optional<Egress> egress_;
    std::optional<Poller> network_poller_;
    std::optional<Poller> tun_poller_;  // of the second thread
    std::thread network_thread_;
    std::thread tun_thread_;
};

}  // namespace culvert::plane
