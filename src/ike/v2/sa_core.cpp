#include "ike/v2/sa_core.hpp"

namespace culvert::ike::v2 {

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
