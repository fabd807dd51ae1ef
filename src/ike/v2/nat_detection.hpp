#pragma once
// NAT detection (RFC 7296 2.23): hashes of addresses and ports in IKE_SA_INIT.

#include "base/random.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

struct NatSituation {
    bool supported = false;  // the peer sent both notifies
    bool local = false;      // we are behind a NAT (or say so, see `fake`)
    bool remote = false;
    bool fake = false;  // forced by `encap = yes`
    bool any() const { return local || remote; }
};

// The two notifies for a message from `local` to `remote`. `fake`: a source hash that fits no
// address, so that the peer takes us for NATed and encapsulates in UDP (swanctl's encap).
void add_nat_detection(wire::Payloads& out, IkeSpi initiator_spi, IkeSpi responder_spi,
                       const Endpoint& local, const Endpoint& remote, bool fake, Random& random);

// What a message that arrived at `local` from `remote` tells.
NatSituation detect_nat(const wire::Payloads& payloads, IkeSpi initiator_spi, IkeSpi responder_spi,
                        const Endpoint& local, const Endpoint& remote);

}  // namespace culvert::ike::v2
