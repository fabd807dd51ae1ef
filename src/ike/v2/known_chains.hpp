#pragma once
// Chains of peers' certificates that held. To parse a certificate and to verify what its issuer
// signed takes longer than all the rest of a handshake, and neither comes out differently the next
// time; whether it is still valid, trusted and not revoked is for each time to see.

#include <list>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "x509/certificate.hpp"

namespace culvert::ike::v2 {

class KnownChains {
 public:
    using Chain = std::vector<x509::Certificate>;

    // Of the certificate with exactly these octets, which is the first of it; null: there is none.
    const Chain* find(ByteView leaf_der);
    // Only what its peer has proved to be its own: nobody else gets to push out another's.
    void keep(const Chain& chain);

 private:
    struct Entry {
        Bytes leaf_der;
        Chain chain;
    };

    std::list<Entry> entries_;  // the one that was used last is in front
    // The texts are those of the entries.
    std::unordered_map<std::string_view, std::list<Entry>::iterator> by_leaf_;
};

}  // namespace culvert::ike::v2
