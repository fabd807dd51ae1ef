#include "ike/v2/nat_detection.hpp"

#include <algorithm>

#include "base/writer.hpp"
#include "crypto/hash.hpp"
#include "ike/proposal/proposal.hpp"

namespace culvert::ike::v2 {

namespace {

constexpr std::size_t hash_size = 20;

Bytes address_hash(IkeSpi initiator_spi, IkeSpi responder_spi, const Endpoint& endpoint) {
    Writer in;
    in.u64(initiator_spi.value());
    in.u64(responder_spi.value());
    in.bytes(endpoint.address.octets());
    in.u16(endpoint.port);
    return crypto::hash(crypto::HashAlgorithm::sha1, {in.view()});
}

}  // namespace

void add_nat_detection(wire::Payloads& out, IkeSpi initiator_spi, IkeSpi responder_spi,
                       const Endpoint& local, const Endpoint& remote, bool fake, Random& random) {
    out.emplace_back(wire::Notify{.type = wire::NotifyType::nat_detection_source_ip,
                                  .data = fake
                                              ? random.bytes(hash_size)
                                              : address_hash(initiator_spi, responder_spi, local)});
    out.emplace_back(wire::Notify{.type = wire::NotifyType::nat_detection_destination_ip,
                                  .data = address_hash(initiator_spi, responder_spi, remote)});
}

NatSituation detect_nat(const wire::Payloads& payloads, IkeSpi initiator_spi, IkeSpi responder_spi,
                        const Endpoint& local, const Endpoint& remote) {
    bool source_seen = false;
    bool source_fits = false;
    bool destination_seen = false;
    bool destination_fits = false;
    const Bytes remote_hash = address_hash(initiator_spi, responder_spi, remote);
    const Bytes local_hash = address_hash(initiator_spi, responder_spi, local);
    wire::for_each_notify(payloads, [&](const wire::Notify& notify) {
        if (notify.type == wire::NotifyType::nat_detection_source_ip) {
            source_seen = true;  // several are allowed: one a candidate address
            source_fits = source_fits || notify.data == remote_hash;
        } else if (notify.type == wire::NotifyType::nat_detection_destination_ip) {
            destination_seen = true;
            destination_fits = destination_fits || notify.data == local_hash;
        }
    });
    if (!source_seen || !destination_seen) { return {}; }
    return {.supported = true, .local = !destination_fits, .remote = !source_fits};
}

NatSituation settled(NatSituation found, const Connection& connection, bool preferred) {
    if (!found.supported) { return found; }
    if (forces_udp(connection)) {
        found.fake = !found.local;
        found.local = true;
    }
    found.preferred = preferred && !connection.encap;
    return found;
}

bool would_take_udp(const Connection& connection, const EngineSettings& settings) {
    const auto is_ah = [](const Proposal& one) { return one.protocol == ProtocolId::ah; };
    return settings.prefers_udp && !connection.encap &&
           std::ranges::none_of(connection.children, [&](const ChildConfig& child) {
               return child.mode == ChildMode::transport ||
                      std::ranges::any_of(child.proposals, is_ah);
           });
}

wire::VendorId udp_preference() {
    return {.data = to_bytes(as_bytes("Culvert: ESP in UDP is faster"))};
}

bool says_udp_preference(const wire::Payloads& payloads) {
    return std::ranges::any_of(payloads, [](const wire::Payload& payload) {
        const auto* vendor = std::get_if<wire::VendorId>(&payload);
        return vendor != nullptr && *vendor == udp_preference();
    });
}

}  // namespace culvert::ike::v2
