#include "sim/builders.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace culvert::sim {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

IpAddress address_of(unsigned peer) { return IpAddress::v4(0x0a000001U + peer); }
std::string name_of(unsigned peer) { return fmt::format("peer{}.sim", peer); }

ike::SelectorConfig selector(std::string_view text) {
    return {.dynamic = false, .selector = *TrafficSelector::parse(text)};
}

ike::AddressPattern exactly(const IpAddress& address) {
    return {.text = address.to_string(), .any = false, .ranges = {IpRange{address, address}}};
}

ike::ChildConfig make_child(std::string name, unsigned self, unsigned other, unsigned net) {
    ike::ChildConfig child;
    child.name = std::move(name);
    child.proposals =
        must(ike::parse_proposals(ike::ProtocolId::esp, "aes256gcm16, aes128-sha256"));
    child.local_ts = {selector(fmt::format("10.{}.{}.0/24", self + 1, net))};
    child.remote_ts = {selector(fmt::format("10.{}.{}.0/24", other + 1, net))};
    return child;
}

ike::Connection make_connection(unsigned self, unsigned other, std::string_view proposals) {
    ike::Connection connection;
    connection.name = fmt::format("to{}", other);
    connection.version = 2;
    connection.local_addrs = {exactly(address_of(self))};
    connection.remote_addrs = {exactly(address_of(other))};
    connection.proposals = must(ike::parse_proposals(ike::ProtocolId::ike, proposals));
    connection.local = {.method = ike::AuthMethodKind::psk,
                        .id = must(ike::Identity::parse(name_of(self)))};
    connection.remote = {.method = ike::AuthMethodKind::psk,
                         .id = must(ike::Identity::parse(name_of(other)))};
    connection.dpd_delay = seconds{30};
    connection.children.push_back(make_child("net", self, other, 1));
    connection.children.push_back(make_child("second", self, other, 2));
    return connection;
}

ike::SharedSecret make_secret(unsigned a, unsigned b, std::string_view value) {
    ike::SharedSecret secret;
    secret.name = "ike-sim";
    secret.owners = {must(ike::Identity::parse(name_of(a))),
                     must(ike::Identity::parse(name_of(b)))};
    secret.secret = Secret::copy_of(as_bytes(value));
    return secret;
}

ike::EngineSettings impatient() {
    ike::EngineSettings settings;
    settings.retransmit = {
        .timeout = milliseconds{1000}, .base = 1.8, .tries = 4, .limit = milliseconds{0}};
    return settings;
}

std::string_view some_proposals(Simulation& sim) {
    constexpr std::array<std::string_view, 3> choices{
        "aes256gcm16-prfsha384-x25519-ecp256",
        "aes128gcm16-prfsha256-ecp256-x25519, aes256gcm16-prfsha384-ecp256-x25519",
        "aes256gcm16-prfsha384-x25519",
    };
    return choices.at(sim.random().below(choices.size()));
}

ike::Config config_of(unsigned self, unsigned other, std::string_view proposals) {
    ike::Config config;
    config.settings = impatient();
    config.connections.push_back(make_connection(self, other, proposals));
    config.secrets.push_back(make_secret(self, other, "only for the simulation"));
    return config;
}

void add_pair(Simulation& sim) {
    sim.add_peer(name_of(0), address_of(0), config_of(0, 1, some_proposals(sim)));
    sim.add_peer(name_of(1), address_of(1), config_of(1, 0, some_proposals(sim)));
}

Conditions bad(unsigned loss) {
    return {.loss_percent = loss,
            .duplicate_percent = 5,
            .corrupt_percent = 2,
            .delay_min = milliseconds{5},
            .delay_max = milliseconds{300}};
}

void finish(Simulation& sim) {
    sim.schedule().run_until(sim.schedule().now() + minutes{2});
    sim.settle_and_check();
}

}  // namespace culvert::sim
