#pragma once
// The daemon's log. One record goes to the sink, to the ring for `culvert log`, and to VICI's log
// event. Used by the main thread alone.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.hpp"
#include "daemon/log_sinks.hpp"
#include "daemon/log_spec.hpp"

namespace culvert::daemon {

struct LogRecord {
    LogGroup group = LogGroup::daemon;
    Severity severity = Severity::info;
    std::string
        text;  // fit for a terminal: whatever came from outside has been through printable()
    std::string connection{};
    std::string child{};
    std::uint32_t ike_unique_id = 0;
    std::optional<Endpoint> remote{};
    std::chrono::system_clock::time_point at{};  // set by write()
};

// "home#1/net: ", or the peer's address where no connection is known, or nothing.
std::string about(const LogRecord& record);
// "2026-11-24T00:05:00.123Z info  ike   home#1: established ..." and the same as one JSON object.
std::string to_text(const LogRecord& record);
std::string to_json(const LogRecord& record);

class Log {
 public:
    // system or permission when the file cannot be opened; not_found without a journal.
    static Result<std::unique_ptr<Log>> open(const LogSpec& spec, bool foreground);
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
    Log(Log&&) = delete;
    Log& operator=(Log&&) = delete;
    ~Log();

    // These beside the one that open() made, in the place of those of an earlier call. Why some
    // could not be opened, as there; a file that was open already goes on as it is.
    std::vector<Error> use_further(const std::vector<LogSpec>& specs);

    void write(LogRecord record);
    void error(LogGroup group, std::string text) {
        write({group, Severity::error, std::move(text)});
    }
    void warn(LogGroup group, std::string text) { write({group, Severity::warn, std::move(text)}); }
    void info(LogGroup group, std::string text) { write({group, Severity::info, std::move(text)}); }
    void debug(LogGroup group, std::string text) {
        write({group, Severity::debug, std::move(text)});
    }
    // By any output; from info on by `culvert log` and VICI as well, wherever the rest goes.
    bool wants(LogGroup group, Severity severity) const;

    // Of the first output.
    const LogLevels& levels() const { return outputs_.front().spec.levels; }
    void set_levels(const LogLevels& levels) { outputs_.front().spec.levels = levels; }

    // Each record that is wanted; not called for records that it causes itself.
    void on_record(std::function<void(const LogRecord&)> listener) {
        listener_ = std::move(listener);
    }
    // Oldest first, at most recent_records_max.
    const std::deque<LogRecord>& recent() const { return recent_; }
    // After files were rotated away.
    void reopen();
    // Records that an output did not take.
    std::uint64_t lost() const;

 private:
    struct Output {
        LogSpec spec;
        std::unique_ptr<LogSink> sink;
    };
    explicit Log(Output first);

    std::vector<Output> outputs_;  // never empty
    std::uint64_t lost_ = 0;       // by outputs that are gone
    std::deque<LogRecord> recent_;
    std::function<void(const LogRecord&)> listener_;
    bool in_listener_ = false;
};

}  // namespace culvert::daemon
