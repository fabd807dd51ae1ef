#include "daemon/event_log.hpp"

#include <fmt/format.h>

#include "daemon/events.hpp"
#include "daemon/limits.hpp"

namespace culvert::daemon {

EventLog::EventLog(Loop& loop, Log& log)
    : log_(log),
      strangers_(stranger_records_burst, stranger_records_a_second),
      known_(known_records_burst, known_records_a_second),
      report_timer_(loop, [this] { report(); }) {}

void EventLog::write(const ike::Event& event) {
    const Instant now = Loop::now();
    const bool written = write_record(event, now);
    const auto story = recorder_.add(event, now);
    if (!story || !written || log_.wants(LogGroup::ike, Severity::debug)) { return; }
    for (const std::string& line : story->lines) {
        if (!allows(event, now)) { continue; }
        LogRecord record = to_record(event);
        record.severity = Severity::info;
        record.text = line;
        log_.write(std::move(record));
    }
}

bool EventLog::write_record(const ike::Event& event, Instant now) {
    if (!log_.wants(LogGroup::ike, event.severity)) { return false; }
    if (!allows(event, now)) { return false; }
    log_.write(to_record(event));
    return true;
}

// Each line counts, those of the story too.
bool EventLog::allows(const ike::Event& event, Instant now) {
    RateLimit& limit = by_stranger(event) ? strangers_ : known_;
    if (event.command || limit.allow(now)) { return true; }
    ++suppressed_;
    if (!std::exchange(report_waits_, true)) { report_timer_.set_in(suppressed_report_every); }
    return false;
}

void EventLog::report() {
    report_waits_ = false;
    log_.warn(LogGroup::ike,
              fmt::format("{} records were left out: they came faster than {} a second from peers "
                          "without an SA, or {} a second in all",
                          suppressed_ - std::exchange(reported_, suppressed_),
                          stranger_records_a_second, known_records_a_second));
}

}  // namespace culvert::daemon
