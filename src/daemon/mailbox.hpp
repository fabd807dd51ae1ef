#pragma once
// What the plane's threads have to tell the engine, until the main thread takes it. Bounded: what
// is too much is dropped and counted, as a network would.

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "ike/engine.hpp"
#include "plane/plane.hpp"

namespace culvert::daemon {

class Mailbox final : public plane::PlaneEvents {
 public:
    // `wake` is called from any thread when the box was empty.
    explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

    void ike_datagram(plane::IkeDatagram datagram) override;
    void acquire(ReqId reqid, TrafficSelector local, TrafficSelector remote) override;
    void expire(ChildSaId id, plane::ExpireKind kind) override;
    void mapping_changed(ChildSaId id, Endpoint remote) override;
    void addresses_changed() override;
    void send_failed(Endpoint remote, Error why) override;
    void warning(Error what) override;
    void lost(Error what) override;
    void stream_opened(StreamId id, Endpoint local) override;
    void stream_broken(StreamId id, Endpoint remote, Error why, bool refused) override;

    struct Mail {
        std::vector<ike::Input> inputs;
        std::vector<Error> warnings;
        std::optional<Error> lost;
        bool addresses_changed = false;
    };
    Mail take();
    std::uint64_t dropped() const;

 private:
    void put(ike::Input input, bool datagram);
    void wake();

    std::function<void()> wake_;
    mutable std::mutex mutex_;
    Mail mail_;
    std::size_t datagrams_ = 0;
    std::uint64_t dropped_ = 0;
    bool woken_ = false;
};

}  // namespace culvert::daemon
