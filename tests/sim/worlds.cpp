#include "sim/worlds.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "sim/builders.hpp"
#include "sim/simulation.hpp"

namespace culvert::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// What people do to a pair, at moments of chance.
void meddle(Simulation& sim, unsigned deeds, bool with_rekeys) {
    for (unsigned i = 0; i < deeds; ++i) {
        const auto who = static_cast<std::size_t>(sim.random().below(2));
        const auto what = sim.random().below(with_rekeys ? 8 : 4);
        sim.sometime(seconds{60}, [&sim, who, what] {
            Peer& peer = *sim.peers().at(who);
            const std::string connection = fmt::format("to{}", 1 - who);
            switch (what) {
                case 0: peer.initiate(connection, "net"); return;
                case 1: peer.initiate(connection, "second"); return;
                case 2: peer.terminate("", "second"); return;
                case 3: peer.terminate(connection, ""); return;
                case 4:
                case 5: peer.rekey("", "net"); return;
                case 6: peer.rekey(connection, ""); return;
                default: {
                    if (peer.installed().empty()) { return; }
                    const ChildSaId id = peer.installed().begin()->first;
                    peer.feed(ike::Expire{.id = id, .hard = false});
                }
            }
        });
    }
}

void play_plain(Simulation& sim) {
    add_pair(sim);
    Peer& first = *sim.peers().at(0);
    const auto up = first.initiate("to1", "net");
    sim.schedule().run_until(sim.schedule().now() + seconds{10});
    const auto ended = first.ended().find(up);
    if (ended == first.ended().end() || !ended->second) {
        sim.complain("no tunnel on a perfect network");
    }
    if (sim.random().chance(50)) {
        sim.peers().at(sim.random().below(2))->terminate("", "net");
        sim.schedule().run_until(sim.schedule().now() + seconds{10});
        for (const Peer* peer : sim.peers()) {
            if (!peer->installed().empty()) { sim.complain("a Child SA outlived its Delete"); }
        }
    }
    finish(sim);
}

void play_lossy(Simulation& sim) {
    sim.network().set(bad(20));
    add_pair(sim);
    if (sim.random().chance(50)) { sim.keep_traffic(seconds{2}); }
    sim.peers().at(0)->initiate("to1", "net");
    if (sim.random().chance(30)) { sim.peers().at(1)->initiate("to0", "net"); }
    meddle(sim, 3, false);
    finish(sim);
}

void play_cookies(Simulation& sim) {
    sim.network().set(bad(10));
    constexpr unsigned initiators = 5;
    ike::Config hub;
    hub.settings = impatient();
    hub.settings.cookie_threshold = 1;
    for (unsigned i = 1; i <= initiators; ++i) {
        hub.connections.push_back(make_connection(0, i, "aes256gcm16-prfsha384-x25519"));
        hub.secrets.push_back(make_secret(0, i, "only for the simulation"));
    }
    sim.add_peer(name_of(0), address_of(0), std::move(hub));
    for (unsigned i = 1; i <= initiators; ++i) {
        Peer& peer = sim.add_peer(name_of(i), address_of(i), config_of(i, 0, some_proposals(sim)));
        sim.sometime(milliseconds{200}, [&peer] { peer.initiate("to0", "net"); });
    }
    finish(sim);
}

void play_nat(Simulation& sim) {
    sim.network().set(bad(5));
    // The NAT's outside address is what the other side is told to expect.
    const IpAddress outside = IpAddress::v4(0xc0000201);  // 192.0.2.1
    sim.network().put_behind_nat(address_of(0), outside);
    sim.add_peer(name_of(0), address_of(0), config_of(0, 1, some_proposals(sim)));
    ike::Config other = config_of(1, 0, some_proposals(sim));
    other.connections.front().remote_addrs = {exactly(outside)};
    sim.add_peer(name_of(1), address_of(1), std::move(other));
    sim.peers().at(0)->initiate("to1", "net");
    if (sim.random().chance(30)) {
        sim.sometime(minutes{1}, [&sim] { sim.network().rebind(address_of(0)); });
    }
    finish(sim);
    for (const Peer* peer : sim.peers()) {
        for (const auto& [id, entry] : peer->installed()) {
            if (!entry.sa.udp_encap) { sim.complain("a NAT was there and ESP is not in UDP"); }
            ++sim.tally()["nat_encapsulated"];
        }
    }
}

void play_rekey(Simulation& sim) {
    sim.network().set(bad(sim.random().chance(50) ? 0 : 20));
    add_pair(sim);
    sim.keep_traffic(seconds{1});
    sim.peers().at(0)->initiate("to1", "net");
    meddle(sim, 6, true);
    finish(sim);
}

// The same with several key exchanges each (RFC 9370): what is lost may be under keys that are no
// more, and half of what is rekeyed may be forgotten on the way.
void play_key_exchanges(Simulation& sim) {
    sim.network().set(bad(sim.random().chance(50) ? 0 : 20));
    for (unsigned self = 0; self < 2; ++self) {
        ike::Config config =
            config_of(self, 1 - self, "aes256gcm16-prfsha384-x25519-ke1_ecp256-ke3_ecp384");
        for (ike::ChildConfig& child : config.connections.front().children) {
            child.proposals =
                must(ike::parse_proposals(ike::ProtocolId::esp, "aes256gcm16-ecp256-ke1_x25519"));
        }
        sim.add_peer(name_of(self), address_of(self), std::move(config));
    }
    sim.keep_traffic(seconds{1});
    sim.peers().at(0)->initiate("to1", "net");
    meddle(sim, 6, true);
    finish(sim);
}

// Both act in the same moment on a network that delays but does not lose: every collision of RFC
// 7296 2.25.
void play_races(Simulation& sim) {
    sim.network().set({.delay_min = milliseconds{20}, .delay_max = milliseconds{120}});
    add_pair(sim);
    sim.peers().at(0)->initiate("to1", "net");
    sim.schedule().run_until(sim.schedule().now() + seconds{5});
    for (unsigned round = 0; round < 4; ++round) {
        for (std::size_t who = 0; who < 2; ++who) {
            Peer& peer = *sim.peers().at(who);
            const std::string connection = fmt::format("to{}", 1 - who);
            const auto what = sim.random().below(7);
            sim.sometime(milliseconds{150}, [&peer, connection, what] {
                switch (what) {
                    case 0: peer.terminate("", "net"); return;
                    case 1: peer.initiate(connection, "second"); return;
                    case 2: peer.rekey(connection, ""); return;
                    case 3: peer.terminate(connection, ""); return;
                    case 4: peer.reauthenticate(connection); return;
                    default: peer.rekey("", "net"); return;
                }
            });
        }
        sim.schedule().run_until(sim.schedule().now() + seconds{5});
        sim.peers().at(0)->initiate("to1", "net");
        sim.schedule().run_until(sim.schedule().now() + seconds{5});
    }
    finish(sim);
}

// Packets all the time, rekeys of both kinds, now from one end and now from both at once, and a
// network that delays: not one packet may find its SA missing.
void play_handover(Simulation& sim) {
    sim.network().set({.delay_min = milliseconds{5}, .delay_max = milliseconds{120}});
    add_pair(sim);
    sim.peers().at(0)->initiate("to1", "net");
    sim.schedule().run_until(sim.schedule().now() + seconds{5});
    sim.keep_traffic(milliseconds{10});
    for (unsigned round = 0; round < 4; ++round) {
        for (std::size_t who = 0; who < 2; ++who) {
            Peer& peer = *sim.peers().at(who);
            const std::string connection = fmt::format("to{}", 1 - who);
            const bool of_child = sim.random().chance(70);
            sim.sometime(milliseconds{150}, [&peer, connection, of_child] {
                peer.rekey(of_child ? "" : connection, of_child ? "net" : "");
            });
        }
        sim.schedule().run_until(sim.schedule().now() + seconds{4});
    }
    sim.stop_traffic();
    sim.schedule().run_until(sim.schedule().now() + seconds{1});
    if (sim.tally()["packets_opened"] < 100) { sim.complain("hardly any packet arrived"); }
    if (const auto lost = sim.tally()["packets_without_sa"]; lost != 0) {
        sim.complain(fmt::format("{} packets were lost to a rekey", lost));
    }
    finish(sim);
}

void play_misconfigured(Simulation& sim) {
    // No damage here: what is clear on the wire would then be somebody else's misconfiguration.
    Conditions conditions = bad(5);
    conditions.corrupt_percent = 0;
    sim.network().set(conditions);
    ike::Config one = config_of(0, 1, "aes256gcm16-prfsha384-x25519");
    ike::Config two = config_of(1, 0, "aes256gcm16-prfsha384-x25519");
    ErrorCode expected{};
    switch (sim.random().below(4)) {
        case 0:
            two.secrets.front().secret = Secret::copy_of(as_bytes("another one"));
            expected = ErrorCode::authentication_failed;
            break;
        case 1:
            two.connections.front().proposals =
                must(ike::parse_proposals(ike::ProtocolId::ike, "aes128-sha256-ecp256"));
            expected = ErrorCode::no_proposal_chosen;
            break;
        case 2:
            two.connections.front().children.front().local_ts = {selector("172.16.0.0/24")};
            two.connections.front().children.at(1).local_ts = {selector("172.16.1.0/24")};
            expected = ErrorCode::ts_unacceptable;
            break;
        default:
            two.connections.front().remote.id = must(ike::Identity::parse("somebody.else.sim"));
            expected = ErrorCode::authentication_failed;
            break;
    }
    sim.add_peer(name_of(0), address_of(0), std::move(one));
    sim.add_peer(name_of(1), address_of(1), std::move(two));
    Peer& first = *sim.peers().at(0);
    const auto up = first.initiate("to1", "net");
    finish(sim);
    const auto ended = first.ended().find(up);
    if (ended == first.ended().end()) { return; }  // complained of already
    if (ended->second) {
        sim.complain("a tunnel came up that must not");
        return;
    }
    const Error& error = ended->second.error();
    const bool network_was_it = error.code == ErrorCode::peer_unreachable;
    if (error.code != expected && !network_was_it) {
        sim.complain(fmt::format("the error should be {} and is {}", culvert::name(expected),
                                 explain(error)));
    }
    if (!network_was_it) { ++sim.tally()["explained"]; }
    if (error.wanted.empty() || error.remedy.empty()) { sim.complain("an error without words"); }
    for (const Peer* peer : sim.peers()) {
        if (!peer->installed().empty()) { sim.complain("a Child SA that must not be"); }
    }
}

}  // namespace

const std::vector<World>& worlds() {
    static const std::vector<World> all{
        {"plain", "two peers, a perfect network, up and sometimes down", play_plain},
        {"lossy", "20 % loss, duplicates, reordering, damage; up, further Child SAs, down",
         play_lossy},
        {"cookies", "five peers knock at a gateway that asks for cookies", play_cookies},
        {"nat", "a NAT in between that sometimes forgets its ports", play_nat},
        {"rekey", "rekeys of both kinds from both ends, half of the runs with 20 % loss",
         play_rekey},
        {"key-exchanges", "rekeys with additional key exchanges, half of the runs with 20 % loss",
         play_key_exchanges},
        {"races", "both ends rekey, create and delete in the same moment", play_races},
        {"handover", "rekeys under a stream of packets, of which none may be lost", play_handover},
        {"misconfigured", "wrong secret, identity, proposal or selectors: refused, and explained",
         play_misconfigured},
        {"addresses", "clients come and go at a gateway that gives them virtual addresses",
         play_addresses},
        {"mobike", "the initiator moves from address to address, with rekeys on the way",
         play_mobike},
        {"redirect", "two gateways send a client to each other, and crash", play_redirect},
        {"everything", "up to 50 peers, everything turned on by chance, and every kind of mishap",
         play_everything},
    };
    return all;
}

}  // namespace culvert::sim
