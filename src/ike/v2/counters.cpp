#include "ike/v2/counters.hpp"

#include <optional>
#include <utility>

namespace culvert::ike::v2 {

namespace {

constexpr std::array<const char*, static_cast<std::size_t>(Counter::count_)> names{
    "ike-rekey-init",        "ike-rekey-resp",      "child-rekey",          "invalid",
    "invalid-spi",           "ike-init-in-req",     "ike-init-in-resp",     "ike-init-out-req",
    "ike-init-out-resp",     "ike-auth-in-req",     "ike-auth-in-resp",     "ike-auth-out-req",
    "ike-auth-out-resp",     "create-child-in-req", "create-child-in-resp", "create-child-out-req",
    "create-child-out-resp", "info-in-req",         "info-in-resp",         "info-out-req",
    "info-out-resp",         "peer-flaps"};

std::optional<Counter> first_of(wire::ExchangeType exchange) {
    switch (exchange) {
        case wire::ExchangeType::ike_sa_init: return Counter::ike_init_in_req;
        case wire::ExchangeType::ike_auth: return Counter::ike_auth_in_req;
        case wire::ExchangeType::create_child_sa: return Counter::create_child_in_req;
        case wire::ExchangeType::informational: return Counter::info_in_req;
        default: return std::nullopt;
    }
}

}  // namespace

void CounterSet::count_message(wire::ExchangeType exchange, bool outbound, bool response) {
    const auto first = first_of(exchange);
    if (!first) { return; }
    const auto at = static_cast<std::size_t>(*first) + (outbound ? 2U : 0U) + (response ? 1U : 0U);
    ++values_.at(at);
}

Counters CounterSet::by_name() const {
    Counters all;
    for (std::size_t i = 0; i < names.size(); ++i) { all.emplace(names.at(i), values_.at(i)); }
    return all;
}

}  // namespace culvert::ike::v2
