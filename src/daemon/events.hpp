#pragma once
// The engine's events, rendered: for the log, for a command's client, for VICI subscribers.

#include <string>
#include <vector>

#include "daemon/log.hpp"
#include "daemon/sa_messages.hpp"
#include "ike/engine.hpp"
#include "vici/message.hpp"

namespace culvert::daemon {

LogRecord to_record(const ike::Event& event);

// Whether somebody without our trust may have caused it: then it counts against the strangers'
// share of the log (abuse A-10).
bool by_stranger(const ike::Event& event);

// log and control-log: group, level, ikesa-name, ikesa-uniqueid, msg; the first also thread.
vici::Message log_message(const LogRecord& record);
vici::Message control_log_message(const LogRecord& record);
// strongSwan's levels: 0 what must be seen, 1 the usual, 2 more of it, 3 all.
int vici_level(Severity severity);

struct ViciEvent {
    std::string name;
    vici::Message message;
};
// ike-updown, child-rekey, alert...; nothing for most events.
std::vector<ViciEvent> vici_events(const ike::Event& event, const Moment& moment);

}  // namespace culvert::daemon
