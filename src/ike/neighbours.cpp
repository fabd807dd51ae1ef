#include "ike/neighbours.hpp"

#include <utility>

namespace culvert::ike {

NeighbourBook::Key NeighbourBook::key_of(const PeerOf& peer) {
    return {peer.connection, peer.local.type, peer.local.data, peer.remote.type, peer.remote.data};
}

void NeighbourBook::forget(const std::optional<PeerOf>& peer) {
    if (!peer) { return; }
    const auto at = counts_.find(key_of(*peer));
    if (--at->second == 0) { counts_.erase(at); }
}

void NeighbourBook::file(IkeSpi spi, std::optional<PeerOf> peer) {
    if (peer) { ++counts_[key_of(*peer)]; }
    forget(std::exchange(peers_[spi], std::move(peer)));
}

void NeighbourBook::remove(IkeSpi spi) {
    const auto at = peers_.find(spi);
    if (at == peers_.end()) { return; }
    forget(at->second);
    peers_.erase(at);
}

std::size_t NeighbourBook::with(const PeerOf& peer) const {
    const auto at = counts_.find(key_of(peer));
    return at == counts_.end() ? 0 : at->second;
}

}  // namespace culvert::ike
