#pragma once
// What engines that serve one gateway together know of one another's IKE SAs: that they are there,
// and with whom.

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>

#include "ike/auth/identity.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike {

// Of an established IKE SA.
struct PeerOf {
    std::string connection;
    Identity local;
    Identity remote;

    friend bool operator==(const PeerOf&, const PeerOf&) = default;
};

class Neighbours {
 public:
    Neighbours() = default;
    Neighbours(const Neighbours&) = delete;
    Neighbours& operator=(const Neighbours&) = delete;
    Neighbours(Neighbours&&) = delete;
    Neighbours& operator=(Neighbours&&) = delete;
    virtual ~Neighbours() = default;

    // An IKE SA of this SPI, which one of the engines chose, is there; its peer when it is
    // established.
    virtual void file(IkeSpi spi, std::optional<PeerOf> peer) = 0;
    virtual void remove(IkeSpi spi) = 0;
    virtual bool has(IkeSpi spi) const = 0;
    // How many are established with this peer.
    virtual std::size_t with(const PeerOf& peer) const = 0;
};

class NeighbourBook : public Neighbours {
 public:
    void file(IkeSpi spi, std::optional<PeerOf> peer) override;
    void remove(IkeSpi spi) override;
    bool has(IkeSpi spi) const override { return peers_.contains(spi); }
    std::size_t with(const PeerOf& peer) const override;

 private:
    using Key = std::tuple<std::string, IdType, Bytes, IdType, Bytes>;
    static Key key_of(const PeerOf& peer);
    void forget(const std::optional<PeerOf>& peer);

    std::unordered_map<IkeSpi, std::optional<PeerOf>> peers_;
    std::map<Key, std::size_t> counts_;
};

}  // namespace culvert::ike
