#include "ike/v2/nat_detection.hpp"

#include "base/writer.hpp"
#include "crypto/hash.hpp"

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

}  // namespace culvert::ike::v2
