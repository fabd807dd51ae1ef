#pragma once
// whatever an engine has to tell is written in every form that the daemon has, whatever the
// log's levels: lines of text, of JSON and for the journal, and events of VICI.

#include "base/instant.hpp"
#include "daemon/events.hpp"
#include "daemon/flight_recorder.hpp"
#include "daemon/log.hpp"
#include "daemon/log_sinks.hpp"
#include "fuzz/property.hpp"
#include "unit/ike/v2/engine_pair.hpp"
#include "vici/message.hpp"

namespace culvert::fuzz {

inline bool one_line(const std::string& text) {
    for (const char c : text) {
        const auto octet = static_cast<unsigned char>(c);
        if (octet < 0x20 || octet == 0x7f) { return false; }
    }
    return true;
}

inline void write_every_log_line(const ike::v2::Side& side, Instant now) {
    daemon::FlightRecorder recorder;
    for (const ike::Event* event : side.all<ike::Event>()) {
        const daemon::LogRecord record = daemon::to_record(*event);
        FUZZ_CLAIM(one_line(daemon::to_text(record)));
        FUZZ_CLAIM(one_line(daemon::to_json(record)));
        FUZZ_CLAIM(!daemon::to_journal(record).empty());
        static_cast<void>(recorder.add(*event, now));
        const auto raised = [](std::string_view name, const vici::Message& message) {
            FUZZ_CLAIM(vici::encode({vici::PacketType::event, std::string(name), message}));
        };
        raised("log", daemon::log_message(record));
        raised("control-log", daemon::control_log_message(record));
        for (const auto& [name, message] :
             daemon::vici_events(*event, {.now = now, .counters = {}})) {
            raised(name, message);
        }
    }
}

}  // namespace culvert::fuzz
