#pragma once
// NAT detection (RFC 7296 2.23): hashes of addresses and ports in IKE_SA_INIT.

#include "base/random.hpp"
#include "ike/connection.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

struct NatSituation {
    bool supported = false;  // the peer sent both notifies
    bool local = false;      // we are behind a NAT (or say so, see `fake`)
    bool remote = false;
    bool fake = false;       // `local` for `encap = yes` alone: there is no mapping to keep
    bool preferred = false;  // both ends are faster with ESP in UDP, NAT or not
    bool any() const { return local || remote; }
    bool esp_in_udp() const { return any() || preferred; }
};

// The two notifies for a message from `local` to `remote`. `fake`: a source hash that fits no
// address, so that the peer takes us for NATed and encapsulates in UDP (swanctl's encap).
void add_nat_detection(wire::Payloads& out, IkeSpi initiator_spi, IkeSpi responder_spi,
                       const Endpoint& local, const Endpoint& remote, bool fake, Random& random);

// What the configuration makes of it. `preferred`: both ends have said that UDP is faster.
NatSituation settled(NatSituation found, const Connection& connection, bool preferred);
inline bool forces_udp(const Connection& connection) { return connection.encap.value_or(false); }

// A Vendor ID of our own says in IKE_SA_INIT that ESP in UDP would be the faster one here; without
// a word in the configuration (encap), and where nothing would be lost by it: AH cannot be in UDP,
// nor the options of transport mode.
bool would_take_udp(const Connection& connection, const EngineSettings& settings);
wire::VendorId udp_preference();
bool says_udp_preference(const wire::Payloads& payloads);

// What a message that arrived at `local` from `remote` tells.
NatSituation detect_nat(const wire::Payloads& payloads, IkeSpi initiator_spi, IkeSpi responder_spi,
                        const Endpoint& local, const Endpoint& remote);

}  // namespace culvert::ike::v2
