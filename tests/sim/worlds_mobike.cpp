// MOBIKE (RFC 4555): after all moves both ends use the same pair of addresses, for IKE and for ESP,
// and the IKE SA is the one that was there before.

#include <fmt/format.h>

#include "sim/builders.hpp"
#include "sim/worlds.hpp"

namespace culvert::sim {

using std::chrono::minutes;
using std::chrono::seconds;

namespace {

void check(Simulation& sim) {
    for (const Peer* peer : sim.peers()) {
        for (const auto& sa : peer->engine().status(sim.schedule().now())) {
            if (sa.local.address != peer->address()) {
                sim.complain(fmt::format("{} uses {} but is at {}", peer->name(),
                                         sa.local.to_string(), peer->address().to_string()));
            }
            for (const Peer* other : sim.peers()) {
                if (other != peer && sa.remote.address != other->address()) {
                    sim.complain(fmt::format("{} sends to {} but the peer is at {}", peer->name(),
                                             sa.remote.to_string(), other->address().to_string()));
                }
            }
        }
        for (const auto& [id, entry] : peer->installed()) {
            const bool right = entry.sa.local.address == peer->address();
            if (!right) { sim.complain("a Child SA at an address that is gone"); }
            ++sim.tally()["children_at_the_right_place"];
        }
    }
}

}  // namespace

void play_mobike(Simulation& sim) {
    sim.network().set(bad(sim.random().chance(50) ? 0 : 15));
    for (unsigned self = 0; self < 2; ++self) {
        ike::Config config = config_of(self, 1 - self, "aes256gcm16-prfsha384-x25519");
        config.connections.front().local_addrs.clear();
        if (self == 1) { config.connections.front().remote_addrs.clear(); }
        sim.add_peer(name_of(self), address_of(self), std::move(config));
    }
    Peer& first = *sim.peers().at(0);
    Peer& second = *sim.peers().at(1);
    first.initiate("to1", "net");
    sim.schedule().run_until(sim.schedule().now() + seconds{10});
    const auto moves = 1 + sim.random().below(4);
    for (std::uint64_t i = 0; i < moves; ++i) {
        const IpAddress next = IpAddress::v4(0x0a000064U + static_cast<std::uint32_t>(i));
        sim.sometime(minutes{1}, [&first, next] { first.move_to(next); });
    }
    for (unsigned i = 0; i < 3; ++i) {
        const auto what = sim.random().below(5);
        sim.sometime(minutes{1}, [&first, &second, what] {
            switch (what) {
                case 0: first.rekey("to1", ""); return;
                case 1: second.rekey("to0", ""); return;
                case 2: second.rekey("", "net"); return;
                case 3: first.initiate("to1", "second"); return;
                default: first.rekey("", "net"); return;
            }
        });
    }
    sim.keep_traffic(seconds{2});
    finish(sim);
    check(sim);
}

}  // namespace culvert::sim
