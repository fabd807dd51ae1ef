#pragma once
// One direction of the user plane: clear packets from the TUN to the network (RFC 4301 5.1). Runs
// in one thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "ipsec/esp.hpp"
#include "ipsec/flow_cache.hpp"
#include "plane/user/ah_sender.hpp"
#include "plane/user/icmp_error.hpp"
#include "plane/user/shared.hpp"
#include "plane/user/trap_queue.hpp"
#include "plane/user/worker_counters.hpp"

namespace culvert::plane {

class Egress {
 public:
    explicit Egress(const Shared& shared);

    // Carries what the TUN has.
    void tun_ready();
    // An SA came: sends what waited for it.
    void flush_waiting();
    // Once a second: lets go what waited too long, and SAs that are gone.
    void tick();

    const WorkerCounters& counters() const { return counters_; }

 private:
    void carry(MutableByteView packet, Instant now);
    ipsec::FlowCache::Entry decide(const ipsec::PacketInfo& info);
    void protect(ipsec::OutboundSa& sa, MutableByteView packet, const ipsec::PacketInfo& info,
                 Instant now);
    void send(ipsec::OutboundSa& sa, const ipsec::EncapJob& job);
    void trap(const ipsec::FlowCache::Entry& entry, ByteView packet, const ipsec::PacketInfo& info,
              Instant now);
    void too_big(ipsec::OutboundSa& sa, const ipsec::EncapJob& job);
    void answer(IcmpReason reason, ByteView packet, const ipsec::PacketInfo& info,
                std::uint32_t mtu);

    const Shared& shared_;
    PublishedTables::View view_;
    const Tables* tables_ = nullptr;  // of the batch at hand
    ipsec::FlowCache flows_;
    ipsec::CryptoContext crypto_;
    AhSender ah_;
    TrapQueue waiting_;
    WorkerCounters counters_;
    std::unique_ptr<std::uint8_t[]> packet_;
    std::unique_ptr<std::uint8_t[]> esp_;
    Instant answers_since_{};
    unsigned answers_ = 0;
};

}  // namespace culvert::plane
