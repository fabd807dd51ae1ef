#pragma once
// Writes the engine's events to the log, within what strangers and peers may cause (abuse A-10).

#include "daemon/flight_recorder.hpp"
#include "daemon/log.hpp"
#include "daemon/loop.hpp"
#include "daemon/rate_limit.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

class EventLog {
 public:
    EventLog(Loop& loop, Log& log);

    // A failure is written with what came before it, unless the log has that already.
    void write(const ike::Event& event);
    const FlightRecorder& recorder() const { return recorder_; }
    // Since the start.
    std::uint64_t suppressed() const { return suppressed_; }

 private:
    void report();
    bool write_record(const ike::Event& event, Instant now);
    bool allows(const ike::Event& event, Instant now);

    Log& log_;
    FlightRecorder recorder_;
    RateLimit strangers_;
    RateLimit known_;
    std::uint64_t suppressed_ = 0;
    std::uint64_t reported_ = 0;
    Timer report_timer_;
    bool report_waits_ = false;
};

}  // namespace culvert::daemon
