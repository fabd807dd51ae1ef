// A client with two gateways that send it to each other (RFC 5685), crash, and show that they did
// (RFC 6290). It is with one of them at the end, and with what it had.

#include <fmt/format.h>

#include "sim/builders.hpp"
#include "sim/worlds.hpp"

namespace culvert::sim {
namespace {

using std::chrono::seconds;

constexpr unsigned client = 0;
constexpr seconds span{200};

ike::Config gateway_config(Simulation& sim, unsigned self) {
    ike::Config config = config_of(self, client, some_proposals(sim));
    ike::Connection& connection = config.connections.front();
    // Whichever it is, it is the same to the client.
    connection.local.id = must(ike::Identity::parse("gateway.sim"));
    connection.children.front().local_ts = {selector("10.200.1.0/24")};
    connection.children.at(1).local_ts = {selector("10.200.2.0/24")};
    config.secrets.front().owners = {connection.local.id, connection.remote.id};
    return config;
}

ike::Config client_config(Simulation& sim) {
    ike::Config config = config_of(client, 1, some_proposals(sim));
    config.settings.follow_redirects = true;
    ike::Connection& connection = config.connections.front();
    connection.keyingtries = 3;
    connection.remote.id = must(ike::Identity::parse("gateway.sim"));
    connection.children.front().remote_ts = {selector("10.200.1.0/24")};
    connection.children.at(1).remote_ts = {selector("10.200.2.0/24")};
    config.secrets.front().owners = {connection.local.id, connection.remote.id};
    return config;
}

void happens(Simulation& sim) {
    const auto who = static_cast<unsigned>(1 + sim.random().below(2));
    Peer& gateway = *sim.peers().at(who);
    Peer& us = *sim.peers().at(client);
    const IpAddress other = address_of(3 - who);
    switch (sim.random().below(8)) {
        case 0: sim.sometime(span, [&gateway] { gateway.restart(); }); return;
        case 1: sim.sometime(span, [&us] { us.rekey("to1", ""); }); return;
        case 2: sim.sometime(span, [&gateway] { gateway.rekey("to0", ""); }); return;
        case 3: sim.sometime(span, [&us] { us.initiate("to1", "second"); }); return;
        default: sim.sometime(span, [&gateway, other] { gateway.redirect("to0", other); }); return;
    }
}

}  // namespace

void play_redirect(Simulation& sim) {
    sim.network().set(bad(sim.random().chance(30) ? 0 : 15));
    sim.add_peer(name_of(client), address_of(client), client_config(sim));
    for (const unsigned self : {1U, 2U}) {
        sim.add_peer(name_of(self), address_of(self), gateway_config(sim, self));
    }
    if (sim.random().chance(70)) {
        for (Peer* const peer : sim.peers()) { peer->use_crash_secret(); }
    }
    Peer& us = *sim.peers().at(client);
    us.initiate("to1", "net");
    for (int i = 0; i < 8; ++i) { happens(sim); }
    sim.schedule().run_until(sim.schedule().now() + span);
    finish(sim);
    us.initiate("to1", "net");
    sim.schedule().run_until(sim.schedule().now() + seconds{60});
    const auto up = us.engine().status(us.now());
    if (up.size() != 1) {
        sim.complain(fmt::format("the client has {} IKE SAs, not one", up.size()));
        return;
    }
    if (up.front().remote.address == address_of(2)) { ++sim.tally()["at_the_second_gateway"]; }
    sim.run_until_at_rest();
    sim.check_peers();
}

}  // namespace culvert::sim
