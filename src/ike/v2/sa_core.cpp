#include "ike/v2/sa_core.hpp"

#include <algorithm>

namespace culvert::ike::v2 {

Ends SaCore::ends() const {
    Ends out{.local = local.address, .remote = remote.address};
    const auto exactly = [](const IpAddress& address) {
        return IpRange{.first = address, .last = address};
    };
    for (const IpAddress& vip : local_vips) { out.local_virtual.push_back(exactly(vip)); }
    if (awaits_vips) {
        // RFC 7296 2.19: what it will be is not known yet, so everything is offered.
        for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
            const bool asked = std::ranges::any_of(
                connection->vips, [&](const IpAddress& vip) { return vip.family() == family; });
            if (asked) { out.local_virtual.push_back(IpRange::everything(family)); }
        }
    }
    for (const Lease& lease : leases) { out.remote_virtual.push_back(exactly(lease.address)); }
    return out;
}

Child* SaCore::find_child(ChildSaId id) {
    for (Child& child : children) {
        if (child.id == id) { return &child; }
    }
    return nullptr;
}

Child* SaCore::find_inbound(IpsecProtocol protocol, EspSpi spi) {
    for (Child& child : children) {
        if (child.inbound_spi == spi && child.suite.protocol == protocol) { return &child; }
    }
    return nullptr;
}

Child* SaCore::find_outbound(IpsecProtocol protocol, EspSpi spi) {
    for (Child& child : children) {
        if (child.outbound_spi == spi && child.suite.protocol == protocol) { return &child; }
    }
    return nullptr;
}

Child* SaCore::find_live(std::string_view child_name) {
    for (Child& child : children) {
        if (child.live() && child.config->name == child_name) { return &child; }
    }
    return nullptr;
}

void SaCore::use_keys(const ChosenIkeSuite& chosen, const IkeKeys& keys) {
    suite = chosen;
    sk_d = keys.sk_d.clone();
    crypto::IkeCipher initiators = initiator_cipher(chosen, keys);
    crypto::IkeCipher responders = responder_cipher(chosen, keys);
    outbound.emplace(std::move(original_initiator ? initiators : responders));
    inbound.emplace(std::move(original_initiator ? responders : initiators));
}

}  // namespace culvert::ike::v2
