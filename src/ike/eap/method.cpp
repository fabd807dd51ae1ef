#include "ike/eap/method.hpp"

#include "base/assert.hpp"
#include "ike/eap/gtc.hpp"
#include "ike/eap/md5.hpp"
#include "ike/eap/ms_chap_v2.hpp"
#include "ike/eap/mschapv2.hpp"
#include "ike/eap/tls.hpp"

namespace culvert::ike::eap {

std::unique_ptr<PeerMethod> make_peer_method(Type type) {
    switch (type) {
        case Type::md5: return std::make_unique<Md5Peer>();
        case Type::gtc: return std::make_unique<GtcPeer>();
        case Type::tls: return std::make_unique<TlsPeer>();
        case Type::mschapv2: return std::make_unique<MsChapV2Peer>();
        default: break;
    }
    ASSERT(false);
    return nullptr;
}

std::unique_ptr<ServerMethod> make_server_method(Type type) {
    switch (type) {
        case Type::md5: return std::make_unique<Md5Server>();
        case Type::gtc: return std::make_unique<GtcServer>();
        case Type::tls: return std::make_unique<TlsServer>();
        case Type::mschapv2: return std::make_unique<MsChapV2Server>();
        default: break;
    }
    ASSERT(false);
    return nullptr;
}

Result<Secret> nt_hash_of(const Password& password) {
    if (password.is_nt_hash) { return password.secret->clone(); }
    return nt_hash(*password.secret);
}

}  // namespace culvert::ike::eap
