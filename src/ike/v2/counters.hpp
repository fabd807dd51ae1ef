#pragma once
// strongSwan's 21 IKE counters (VICI get-counters), and ours behind them.

#include <array>
#include <cstddef>
#include <cstdint>

#include "ike/status.hpp"
#include "ike/wire/header.hpp"

namespace culvert::ike::v2 {

enum class Counter : std::uint8_t {
    ike_rekey_init,
    ike_rekey_resp,
    child_rekey,
    invalid,
    invalid_spi,
    ike_init_in_req,   // the four of an exchange stand in this order: in-req, in-resp, out-req,
    ike_init_in_resp,  // out-resp
    ike_init_out_req,
    ike_init_out_resp,
    ike_auth_in_req,
    ike_auth_in_resp,
    ike_auth_out_req,
    ike_auth_out_resp,
    create_child_in_req,
    create_child_in_resp,
    create_child_out_req,
    create_child_out_resp,
    info_in_req,
    info_in_resp,
    info_out_req,
    info_out_resp,
    flaps,  // a peer was lost once more within a while
    count_,
};

class CounterSet {
 public:
    void count(Counter counter) { ++values_.at(static_cast<std::size_t>(counter)); }
    void count_message(wire::ExchangeType exchange, bool outbound, bool response);
    Counters by_name() const;

 private:
    std::array<std::uint64_t, static_cast<std::size_t>(Counter::count_)> values_{};
};

}  // namespace culvert::ike::v2
