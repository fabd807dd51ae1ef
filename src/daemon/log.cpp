#include "daemon/log.hpp"

#include <algorithm>
#include <iterator>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "daemon/limits.hpp"

namespace culvert::daemon {
namespace {

std::string time_of(const LogRecord& record) {
    const auto millis = std::chrono::floor<std::chrono::milliseconds>(record.at);
    const auto whole = std::chrono::floor<std::chrono::seconds>(millis);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                       (millis - whole).count());
}

}  // namespace

std::string about(const LogRecord& record) {
    if (record.connection.empty() && record.ike_unique_id == 0) {
        return record.remote ? record.remote->to_string() + ": " : std::string{};
    }
    std::string out = record.connection;
    if (record.ike_unique_id != 0) { out += fmt::format("#{}", record.ike_unique_id); }
    if (!record.child.empty()) { out += fmt::format("/{}", record.child); }
    return out + ": ";
}

std::string to_text(const LogRecord& record) {
    return fmt::format("{} {:<5} {:<6} {}{}", time_of(record), name(record.severity),
                       name(record.group), about(record), record.text);
}

std::string to_json(const LogRecord& record) {
    nlohmann::ordered_json out;
    out["time"] = time_of(record);
    out["level"] = name(record.severity);
    out["group"] = name(record.group);
    if (!record.connection.empty()) { out["connection"] = record.connection; }
    if (!record.child.empty()) { out["child"] = record.child; }
    if (record.ike_unique_id != 0) { out["ike_unique_id"] = record.ike_unique_id; }
    if (record.remote) { out["remote"] = record.remote->to_string(); }
    out["message"] = record.text;
    // Octets that are no UTF-8 are replaced, never thrown at us.
    return out.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<std::unique_ptr<Log>> Log::open(const LogSpec& spec, bool foreground) {
    LogTarget target = spec.target;
    if (target == LogTarget::by_default) {
        target = !foreground           ? LogTarget::system_log
                 : stderr_is_journal() ? LogTarget::journal
                                       : LogTarget::standard_error;
    }
    auto sink = open_sink(spec, target);
    if (!sink) { return std::unexpected(std::move(sink).error()); }
    return std::unique_ptr<Log>{new Log{{spec, *std::move(sink)}}};
}

Log::Log(Output first) { outputs_.push_back(std::move(first)); }
Log::~Log() = default;

std::vector<Error> Log::use_further(const std::vector<LogSpec>& specs) {
    std::vector<Error> problems;
    std::vector<Output> next;
    for (const LogSpec& spec : specs) {
        auto sink = open_sink(spec, spec.target);
        if (sink) {
            next.push_back({spec, *std::move(sink)});
            continue;
        }
        problems.push_back(std::move(sink).error());
        const auto before =
            std::find_if(outputs_.begin() + 1, outputs_.end(), [&](const Output& output) {
                return output.sink && output.spec.target == spec.target &&
                       output.spec.file == spec.file;
            });
        if (before == outputs_.end()) { continue; }
        problems.back().received += "; what was open goes on";
        next.push_back({spec, std::move(before->sink)});
    }
    for (auto gone = outputs_.begin() + 1; gone != outputs_.end(); ++gone) {
        if (gone->sink) { lost_ += gone->sink->lost(); }
    }
    outputs_.erase(outputs_.begin() + 1, outputs_.end());
    std::ranges::move(next, std::back_inserter(outputs_));
    return problems;
}

std::uint64_t Log::lost() const {
    std::uint64_t out = lost_;
    for (const Output& output : outputs_) { out += output.sink->lost(); }
    return out;
}

bool Log::wants(LogGroup group, Severity severity) const {
    const auto wanted_by = [&](const Output& output) {
        return output.spec.levels.wants(group, severity);
    };
    return severity <= Severity::info || std::ranges::any_of(outputs_, wanted_by);
}

void Log::write(LogRecord record) {
    if (!wants(record.group, record.severity)) { return; }
    record.at = std::chrono::system_clock::now();
    if (record.text.size() > log_text_max) { record.text.resize(log_text_max); }
    for (const Output& output : outputs_) {
        if (!output.spec.levels.wants(record.group, record.severity)) { continue; }
        output.sink->write(
            record, output.spec.format == LogFormat::json ? to_json(record) : to_text(record));
    }
    if (recent_.size() == recent_records_max) { recent_.pop_front(); }
    recent_.push_back(record);
    if (listener_ && !in_listener_) {
        in_listener_ = true;
        listener_(record);
        in_listener_ = false;
    }
}

void Log::reopen() {
    for (const Output& output : outputs_) { output.sink->reopen(); }
}

}  // namespace culvert::daemon
