#pragma once
// The other direction: protected packets from the network to the TUN (RFC 4301 5.2). Runs in one
// thread.

#include <array>
#include <optional>
#include <set>
#include <span>

#include "ipsec/coalesce.hpp"
#include "ipsec/esp.hpp"
#include "plane/user/shared.hpp"
#include "plane/user/worker_counters.hpp"

namespace culvert::plane {

// To the local stack.
class TunWriter final : public ipsec::PacketSink {
 public:
    TunWriter(const TunQueue& tun, WorkerCounters& counters) : tun_(tun), counters_(counters) {}
    void write(const ipsec::Coalesced& packet) override;

 private:
    const TunQueue& tun_;
    WorkerCounters& counters_;
};

class Ingress {
 public:
    Ingress(const Shared& shared, unsigned worker)
        : shared_(shared),
          worker_(worker),
          view_(shared.tables),
          writer_(shared.tun.queue(worker % shared.tun.queues()), counters_),
          coalescer_(writer_,
                     {.tcp = shared.tun.offloads().tcp, .udp = shared.tun.offloads().udp}) {}

    // ESP in UDP: a run, or one packet. What arrives must stay where it is until flush().
    void esp_in_udp(const Arrival& run);
    // Native ESP: with the IP header in front (IPv4), or without (IPv6). Opened by flush().
    void native_esp(const Arrival& arrival);
    // Either, as AF_XDP brings it, a packet at a time. Opened by flush(); what is another worker's
    // is handed over.
    void from_xdp(const Arrival& arrival);
    // What another worker handed over to this one. Opened by flush() at the latest.
    void stray(const Arrival& run);
    // A frame of AF_XDP that was not what it should have been.
    void malformed() { counters_.count(ipsec::DropReason::inbound_malformed); }
    // AH, the same way. Over IPv6 the header that was taken off is made again as it was; what has
    // more extension headers than there is room for fails its ICV.
    void native_ah(const Arrival& arrival);
    // After each batch of arrivals: what was kept to be put together is delivered.
    void flush() {
        open_pending();
        coalescer_.flush();
    }
    void tick() {
        view_.look();
        told_.clear();
    }

    const WorkerCounters& counters() const { return counters_; }

 private:
    void open(std::span<ipsec::DecapJob> jobs, const Arrival* in_udp);
    void open(EspSpi spi, ipsec::InboundSa* sa, std::span<ipsec::DecapJob> jobs,
              const Arrival* in_udp, Instant now);
    void open(ipsec::InboundSa& sa, std::span<ipsec::DecapJob> jobs, const Arrival* in_udp,
              Instant now);
    void open_pending();
    static MutableByteView with_header(const Arrival& arrival, std::uint8_t protocol);
    void hand_over(std::span<const ipsec::DecapJob> jobs, unsigned owner, const Arrival* in_udp);
    void deliver(const ipsec::InboundSa& sa, ipsec::DecapJob& job, const Arrival* in_udp);
    void clamp(const ipsec::InboundSa& sa, ipsec::DecapJob& job) const;
    void look_at_mapping(const ipsec::InboundSa& sa, const Endpoint& remote);

    const Shared& shared_;
    unsigned worker_;
    PublishedTables::View view_;
    const Tables* tables_ = nullptr;  // of the batch at hand
    ipsec::CryptoContext crypto_;
    WorkerCounters counters_;
    TunWriter writer_;
    ipsec::Coalescer coalescer_;
    std::array<ipsec::DecapJob, ipsec::batch_max> jobs_;
    std::size_t pending_ = 0;  // of jobs_: ESP that came by itself and waits for its batch
    std::optional<Arrival> pending_in_udp_;  // it is ESP in UDP of one peer, of which this is one
    std::set<ChildSaId> told_;               // whose change of mapping was told since the last tick
};

}  // namespace culvert::plane
