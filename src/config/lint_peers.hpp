#pragma once
// Checks between connections, and between a connection and the certificates that it names for its
// peer. lint.cpp calls them.

#include "config/sections.hpp"

namespace culvert::config {

// Tunnels of two connections that a packet may both take.
void check_shared_selectors(const ike::Config& config, const Places& places, Report& report);

// More children than one IKE SA can have.
void check_number(const ike::Connection& conn, const Place& place, Report& report);

// remote.certs of which none is for remote.id: such a peer is never let in.
void check_pinned(const ike::Connection& conn, const Place& place, Report& report);

// EAP by password: a client without its own, a gateway without any.
void check_passwords(const ike::Connection& conn, const ike::Config& config, const Place& place,
                     Report& report);

}  // namespace culvert::config
