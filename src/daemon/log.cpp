#include "daemon/log.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>

#include "daemon/limits.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {
namespace {

Error cannot_write_log(const std::string& file, int error_number) {
    return {.code = error_number == EACCES ? ErrorCode::permission : ErrorCode::system,
            .wanted = fmt::format("to write the log to {}", file),
            .received = std::strerror(error_number),  // NOLINT(concurrency-mt-unsafe): start only
            .remedy = "make its folder and let this user write there, or name another file"};
}

spdlog::level::level_enum level_of(Severity severity) {
    switch (severity) {
        case Severity::error: return spdlog::level::err;
        case Severity::warn: return spdlog::level::warn;
        case Severity::info: return spdlog::level::info;
        case Severity::debug: return spdlog::level::debug;
        case Severity::trace: return spdlog::level::trace;
    }
    return spdlog::level::info;
}

std::string time_of(const LogRecord& record) {
    const auto millis = std::chrono::floor<std::chrono::milliseconds>(record.at);
    const auto whole = std::chrono::floor<std::chrono::seconds>(millis);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(whole)),
                       (millis - whole).count());
}

std::string about(const LogRecord& record) {
    if (record.connection.empty() && record.ike_unique_id == 0) {
        return record.remote ? record.remote->to_string() + ": " : std::string{};
    }
    std::string out = record.connection;
    if (record.ike_unique_id != 0) { out += fmt::format("#{}", record.ike_unique_id); }
    if (!record.child.empty()) { out += fmt::format("/{}", record.child); }
    return out + ": ";
}

}  // namespace

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

class Log::Sink {
 public:
    virtual ~Sink() = default;
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    Sink(Sink&&) = delete;
    Sink& operator=(Sink&&) = delete;

    std::shared_ptr<spdlog::logger> logger;

    void use(const spdlog::sink_ptr& sink) {
        logger = std::make_shared<spdlog::logger>("culvertd", sink);
        logger->set_pattern("%v");
        logger->set_level(spdlog::level::trace);
        logger->flush_on(spdlog::level::trace);
        // A full disk must not end the daemon, and there is nobody to tell.
        logger->set_error_handler([](const std::string&) {});
    }
};

Result<std::unique_ptr<Log>> Log::open(const LogSpec& spec, bool foreground) {
    auto sink = std::make_unique<Sink>();
    LogTarget target = spec.target;
    if (target == LogTarget::by_default) {
        target = foreground ? LogTarget::standard_error : LogTarget::system_log;
    }
    if (target == LogTarget::file) {
        // Asked first with a plain open: spdlog would throw its own words.
        const plane::FileDescriptor probe{
            ::open(spec.file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
        if (!probe) { return std::unexpected(cannot_write_log(spec.file, errno)); }
    }
    try {
        switch (target) {
            case LogTarget::file:
                sink->use(std::make_shared<spdlog::sinks::basic_file_sink_st>(spec.file));
                break;
            case LogTarget::system_log:
                sink->use(std::make_shared<spdlog::sinks::syslog_sink_st>("culvertd", LOG_PID,
                                                                          LOG_DAEMON, false));
                break;
            case LogTarget::standard_error:
            case LogTarget::by_default:
                sink->use(std::make_shared<spdlog::sinks::stderr_sink_st>());
                break;
        }
    } catch (const spdlog::spdlog_ex& refused) {
        return std::unexpected(Error{
            .code = ErrorCode::system, .wanted = "to open the log", .received = refused.what()});
    }
    return std::unique_ptr<Log>{new Log{spec, std::move(sink)}};
}

Log::Log(LogSpec spec, std::unique_ptr<Sink> sink)
    : spec_(std::move(spec)), sink_(std::move(sink)) {}
Log::~Log() = default;

void Log::write(LogRecord record) {
    if (!wants(record.group, record.severity)) { return; }
    record.at = std::chrono::system_clock::now();
    if (record.text.size() > log_text_max) { record.text.resize(log_text_max); }
    const std::string line = spec_.format == LogFormat::json ? to_json(record) : to_text(record);
    sink_->logger->log(level_of(record.severity), fmt::string_view{line});
    if (recent_.size() == recent_records_max) { recent_.pop_front(); }
    recent_.push_back(record);
    if (listener_ && !in_listener_) {
        in_listener_ = true;
        listener_(record);
        in_listener_ = false;
    }
}

void Log::reopen() {
    if (spec_.target != LogTarget::file) { return; }
    try {
        sink_->use(std::make_shared<spdlog::sinks::basic_file_sink_st>(spec_.file));
    } catch (const spdlog::spdlog_ex&) {
        // The old file is still open, and a log there is better than none.
    }
}

}  // namespace culvert::daemon
