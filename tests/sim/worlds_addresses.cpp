// Virtual addresses (RFC 7296 2.19): nobody has another's, everybody gets back what he had, and
// nothing stays taken.

#include <map>
#include <set>

#include <fmt/format.h>

#include "sim/builders.hpp"
#include "sim/worlds.hpp"

namespace culvert::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr unsigned clients = 4;

ike::SelectorConfig dynamic() { return {.dynamic = true, .selector = {}}; }

ike::Connection client_connection(unsigned self) {
    ike::Connection connection = make_connection(self, 0, "aes256gcm16-prfsha384-x25519");
    connection.vips = {IpAddress::any(IpFamily::v4)};
    if (self % 2 == 0) { connection.vips.push_back(IpAddress::any(IpFamily::v6)); }
    for (ike::ChildConfig& child : connection.children) { child.local_ts = {dynamic()}; }
    connection.children.at(0).remote_ts = {selector("10.9.0.0/24")};
    connection.children.at(1).remote_ts = {selector("10.10.0.0/24")};
    return connection;
}

ike::Config hub_config() {
    ike::Config hub;
    hub.settings = impatient();
    hub.pools = {
        {.name = "four", .addresses = *IpRange::parse("10.3.0.1-10.3.0.4"), .attributes = {}},
        {.name = "six", .addresses = *IpRange::parse("fd03::10-fd03::1f"), .attributes = {}}};
    for (unsigned i = 1; i <= clients; ++i) {
        ike::Connection connection = make_connection(0, i, "aes256gcm16-prfsha384-x25519");
        connection.pools = {"four", "six"};
        for (ike::ChildConfig& child : connection.children) { child.remote_ts = {dynamic()}; }
        connection.children.at(0).local_ts = {selector("10.9.0.0/24")};
        connection.children.at(1).local_ts = {selector("10.10.0.0/24")};
        hub.connections.push_back(std::move(connection));
        hub.secrets.push_back(make_secret(0, i, "only for the simulation"));
    }
    return hub;
}

void check(Simulation& sim, const Peer& hub, const ike::LeaseBook& book) {
    std::map<std::string, std::set<IpAddress>> given;  // by identity, as the hub has it
    std::size_t online = 0;
    for (const auto& sa : hub.engine().status(sim.schedule().now())) {
        for (const IpAddress& vip : sa.remote_vips) {
            ++online;
            given[sa.remote_id.to_string()].insert(vip);
        }
    }
    std::size_t in_use = 0;
    std::map<std::string, std::size_t> of;
    for (const ike::Lease& lease : book.leases()) {
        in_use += lease.users;
        ++of[lease.pool + lease.identity.to_string()];
    }
    if (in_use != online) {
        sim.complain(fmt::format("{} leases are in use and {} are held", in_use, online));
    }
    std::set<IpAddress> seen;
    for (const Peer* peer : sim.peers()) {
        for (const IpAddress& address : peer->addresses()) {
            if (!seen.insert(address).second) { sim.complain("two peers with one address"); }
            if (!given[peer->name()].contains(address)) {
                sim.complain(fmt::format("{} uses {} that is not given to it", peer->name(),
                                         address.to_string()));
            }
            ++sim.tally()["addresses_held"];
        }
        for (const auto& [id, entry] : peer->installed()) {
            if (peer == &hub) { continue; }
            for (const TrafficSelector& ts : entry.sa.local_ts) {
                if (!peer->addresses().contains(ts.addresses.first) ||
                    ts.addresses.first != ts.addresses.last) {
                    sim.complain("a selector that is not the virtual address: " + ts.to_string());
                }
            }
        }
    }
}

}  // namespace

void play_addresses(Simulation& sim) {
    sim.network().set(bad(sim.random().chance(50) ? 0 : 15));
    const auto book = std::make_shared<ike::LeaseBook>();
    Peer& hub = sim.add_peer(name_of(0), address_of(0), hub_config());
    hub.use_leases(book);
    for (unsigned i = 1; i <= clients; ++i) {
        ike::Config config;
        config.settings = impatient();
        config.connections.push_back(client_connection(i));
        config.secrets.push_back(make_secret(i, 0, "only for the simulation"));
        Peer& peer = sim.add_peer(name_of(i), address_of(i), std::move(config));
        sim.sometime(seconds{5}, [&peer] { peer.initiate("to0", "net"); });
        for (unsigned deed = 0; deed < 4; ++deed) {
            const auto what = sim.random().below(6);
            sim.sometime(minutes{1}, [&peer, what] {
                switch (what) {
                    case 0: peer.terminate("to0", ""); return;
                    case 1: peer.rekey("to0", ""); return;
                    case 2: peer.rekey("", "net"); return;
                    case 3: peer.initiate("to0", "second"); return;
                    case 4: peer.reauthenticate("to0"); return;
                    default: peer.initiate("to0", "net"); return;
                }
            });
        }
    }
    finish(sim);
    check(sim, hub, *book);
}

}  // namespace culvert::sim
