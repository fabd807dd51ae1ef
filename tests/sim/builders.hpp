#pragma once
// Configurations of simulated gateways.

#include <string>
#include <string_view>
#include <utility>

#include "base/assert.hpp"
#include "ike/connection.hpp"
#include "sim/simulation.hpp"

namespace culvert::sim {

IpAddress address_of(unsigned peer);  // 10.0.0.1...
std::string name_of(unsigned peer);   // its identity

template <class T>
T must(Result<T> result) {
    ASSERT(result.has_value());
    return std::move(*result);
}

ike::SelectorConfig selector(std::string_view text);
ike::AddressPattern exactly(const IpAddress& address);
ike::ChildConfig make_child(std::string name, unsigned self, unsigned other, unsigned net);
// The connection of `self` to `other`, named after the other. Liveness is on, so that whatever is
// half dead is found out.
ike::Connection make_connection(unsigned self, unsigned other, std::string_view proposals);
ike::SharedSecret make_secret(unsigned a, unsigned b, std::string_view value);
ike::EngineSettings impatient();
// Both prefer something else now and then, so that INVALID_KE_PAYLOAD is met.
std::string_view some_proposals(Simulation& sim);
ike::Config config_of(unsigned self, unsigned other, std::string_view proposals);
void add_pair(Simulation& sim);
Conditions bad(unsigned loss);
// Lets time pass, heals the network, and checks.
void finish(Simulation& sim);

}  // namespace culvert::sim
