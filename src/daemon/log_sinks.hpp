#pragma once
// Where log lines go: a file, standard error, the system's log, the journal.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/log_spec.hpp"

namespace culvert::daemon {

struct LogRecord;

class LogSink {
 public:
    LogSink() = default;
    LogSink(const LogSink&) = delete;
    LogSink& operator=(const LogSink&) = delete;
    LogSink(LogSink&&) = delete;
    LogSink& operator=(LogSink&&) = delete;
    virtual ~LogSink() = default;

    // `line` is the record in the output's format. Failing to write is silent: there is nobody to
    // tell, and a full disk must not end the daemon.
    virtual void write(const LogRecord& record, const std::string& line) = 0;
    // After a file was rotated away.
    virtual void reopen() {}
    // Records that were not taken.
    virtual std::uint64_t lost() const { return 0; }
};

// permission, system, or not_found where there is no journal. `target` is not by_default.
Result<std::unique_ptr<LogSink>> open_sink(const LogSpec& spec, LogTarget target);

// Whether standard error goes to the journal (systemd.exec(5), JOURNAL_STREAM): then its own
// protocol keeps the fields apart.
bool stderr_is_journal();

// One datagram of the journal's native protocol (systemd's JOURNAL_NATIVE_PROTOCOL).
std::string to_journal(const LogRecord& record);

}  // namespace culvert::daemon
