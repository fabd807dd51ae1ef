#pragma once
// A bad network between peers: loses, repeats, delays (and so reorders) and damages datagrams; a
// peer may sit behind a NAT that changes its mind.

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/ip.hpp"
#include "ike/engine.hpp"
#include "sim/schedule.hpp"
#include "support/seeded_random.hpp"

namespace culvert::sim {

using Tally = std::map<std::string, std::uint64_t>;

struct Conditions {
    unsigned loss_percent = 0;
    unsigned duplicate_percent = 0;
    unsigned corrupt_percent = 0;
    Duration delay_min = std::chrono::milliseconds{5};
    Duration delay_max = std::chrono::milliseconds{5};
};

// One octet 0xff stands for a keep-alive; it only refreshes NAT mappings.
class Network {
 public:
    using Receive = std::function<void(ike::Datagram)>;

    Network(Schedule& schedule, test::SeededRandom& random, Tally& tally)
        : schedule_(schedule), random_(random), tally_(tally) {}

    void set(const Conditions& conditions) { conditions_ = conditions; }
    const Conditions& conditions() const { return conditions_; }

    void attach(const IpAddress& address, Receive receive) { peers_[address] = std::move(receive); }
    void detach(const IpAddress& address) { peers_.erase(address); }
    // From now on `inside` is seen by all others as `outside`, with ports that the NAT picks.
    void put_behind_nat(const IpAddress& inside, const IpAddress& outside);
    // The NAT forgets its ports; the next datagram out gets another one.
    void rebind(const IpAddress& inside);

    void send(ike::Datagram datagram);
    std::size_t under_way() const { return under_way_; }
    // Nothing gets from one of `apart` to one that is not among them, or back; empty: all is whole.
    void split(std::set<IpAddress> apart) { apart_ = std::move(apart); }

    // From now on chance decides nothing: what is sent waits until it is told to arrive.
    void hold() { holds_ = true; }
    // As before again; what is held goes on its way.
    void release();
    const std::vector<ike::Datagram>& held() const { return held_; }
    ike::Datagram take_held(std::size_t index);
    void arrive(ike::Datagram datagram) { deliver(std::move(datagram)); }
    // Does something of this network's peer data, subject to loss and delay, carried as `what`.
    void carry(std::function<void()> what);

 private:
    struct Nat {
        IpAddress outside;
        std::map<std::uint16_t, std::uint16_t> ports;  // inside -> outside
        std::map<std::uint16_t, std::uint16_t> back;   // outside -> inside
    };
    bool translate_out(ike::Datagram& datagram);
    void deliver(ike::Datagram datagram);
    void damage(Bytes& bytes);
    Duration delay();

    Schedule& schedule_;
    test::SeededRandom& random_;
    Tally& tally_;
    Conditions conditions_;
    std::map<IpAddress, Receive> peers_;
    std::map<IpAddress, Nat> nats_;  // by inside address
    std::uint16_t next_port_ = 20000;
    std::size_t under_way_ = 0;
    std::set<IpAddress> apart_;
    bool holds_ = false;
    std::vector<ike::Datagram> held_;
};

}  // namespace culvert::sim
