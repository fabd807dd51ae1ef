#pragma once
// The other direction: protected packets from the network to the TUN (RFC 4301 5.2). Runs in one
// thread.

#include <set>

#include "ipsec/esp.hpp"
#include "plane/user/shared.hpp"
#include "plane/user/worker_counters.hpp"

namespace culvert::plane {

class Ingress {
 public:
    explicit Ingress(const Shared& shared) : shared_(shared), view_(shared.tables) {}

    // ESP in UDP, one packet.
    void esp_in_udp(const Arrival& arrival);
    // Native ESP: with the IP header in front (IPv4), or without (IPv6).
    void native_esp(const Arrival& arrival);
    // AH, the same way. Over IPv6 the header that was taken off is made again as it was, but for
    // extension headers in front of AH: what has those fails its ICV.
    void native_ah(const Arrival& arrival);
    void tick() {
        view_.look();
        told_.clear();
    }

    const WorkerCounters& counters() const { return counters_; }

 private:
    void open(ipsec::DecapJob& job, const Arrival* in_udp);
    void look_at_mapping(const ipsec::InboundSa& sa, const Endpoint& remote);

    const Shared& shared_;
    PublishedTables::View view_;
    ipsec::CryptoContext crypto_;
    WorkerCounters counters_;
    std::set<ChildSaId> told_;  // whose change of mapping was told since the last tick
};

}  // namespace culvert::plane
