#include "daemon/log_sinks.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/log.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {
namespace {

constexpr std::string_view journal_socket = "/run/systemd/journal/socket";

Error cannot_write_log(const std::string& file, int error_number) {
    return {.code = error_number == EACCES ? ErrorCode::permission : ErrorCode::system,
            .wanted = fmt::format("to write the log to {}", file),
            .received = std::strerror(error_number),  // NOLINT(concurrency-mt-unsafe): main thread
            .remedy = "make its folder and let this user write there, or name another file"};
}

Error no_journal(int error_number) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("to log to the journal ({})", journal_socket),
            .received = std::strerror(error_number),  // NOLINT(concurrency-mt-unsafe): main thread
            .remedy = "log to a file or to syslog, or run under systemd"};
}

int syslog_level(Severity severity) {
    switch (severity) {
        case Severity::error: return LOG_ERR;
        case Severity::warn: return LOG_WARNING;
        case Severity::info: return LOG_INFO;
        case Severity::debug:
        case Severity::trace: return LOG_DEBUG;
    }
    return LOG_INFO;
}

// A file or standard error.
class SpdlogSink final : public LogSink {
 public:
    explicit SpdlogSink(std::string file, bool truncate) : file_(std::move(file)) { use(truncate); }

    void write(const LogRecord&, const std::string& line) override {
        logger_->log(spdlog::level::info, fmt::string_view{line});
    }
    void reopen() override {
        if (file_.empty()) { return; }
        try {
            use(false);
        } catch (const spdlog::spdlog_ex&) {
            // The old file is still open, and a log there is better than none.
        }
    }

 private:
    void use(bool truncate) {
        spdlog::sink_ptr sink;
        if (file_.empty()) {
            sink = std::make_shared<spdlog::sinks::stderr_sink_st>();
        } else {
            sink = std::make_shared<spdlog::sinks::basic_file_sink_st>(file_, truncate);
        }
        logger_ = std::make_shared<spdlog::logger>("culvertd", sink);
        logger_->set_pattern("%v");
        logger_->set_level(spdlog::level::trace);
        logger_->flush_on(spdlog::level::trace);
        logger_->set_error_handler([](const std::string&) {});
    }

    std::string file_;  // empty: standard error
    std::shared_ptr<spdlog::logger> logger_;
};

class SyslogSink final : public LogSink {
 public:
    explicit SyslogSink(bool authentication)
        : facility_(authentication ? LOG_AUTHPRIV : LOG_DAEMON) {
        ::openlog("culvertd", LOG_PID, LOG_DAEMON);
    }
    void write(const LogRecord& record, const std::string& line) override {
        ::syslog(facility_ | syslog_level(record.severity), "%s", line.c_str());
    }

 private:
    int facility_;
};

Result<plane::FileDescriptor> connect_journal() {
    plane::FileDescriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    journal_socket.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    const void* generic = &address;
    if (!socket || ::connect(socket.get(), static_cast<const sockaddr*>(generic), sizeof address)) {
        return std::unexpected(no_journal(errno));
    }
    return socket;
}

class JournalSink final : public LogSink {
 public:
    explicit JournalSink(plane::FileDescriptor socket) : socket_(std::move(socket)) {}
    void write(const LogRecord& record, const std::string&) override {
        const std::string datagram = to_journal(record);
        if (send(datagram)) { return; }
        // A journal that was started anew has another socket under the same name.
        if (errno == ECONNREFUSED || errno == ENOTCONN || errno == ECONNRESET) {
            if (auto again = connect_journal()) {
                socket_ = *std::move(again);
                if (send(datagram)) { return; }
            }
        }
        ++lost_;
    }
    std::uint64_t lost() const override { return lost_; }

 private:
    bool send(const std::string& datagram) const {
        return ::send(socket_.get(), datagram.data(), datagram.size(),
                      MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
    }

    plane::FileDescriptor socket_;
    std::uint64_t lost_ = 0;
};

Result<std::unique_ptr<LogSink>> open_journal() {
    auto socket = connect_journal();
    if (!socket) { return std::unexpected(std::move(socket).error()); }
    return std::make_unique<JournalSink>(*std::move(socket));
}

Result<std::unique_ptr<LogSink>> open_spdlog(const std::string& file, bool truncate) {
    if (!file.empty()) {
        // Asked first with a plain open: spdlog would throw its own words.
        const plane::FileDescriptor probe{
            ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
        if (!probe) { return std::unexpected(cannot_write_log(file, errno)); }
    }
    try {
        return std::make_unique<SpdlogSink>(file, truncate);
    } catch (const spdlog::spdlog_ex& refused) {
        return std::unexpected(Error{
            .code = ErrorCode::system, .wanted = "to open the log", .received = refused.what()});
    }
}

// "FIELD=value\n", or for what has line ends the length in little endian in between.
void add_field(std::string& out, std::string_view field, std::string_view value) {
    out += field;
    if (value.find('\n') == std::string_view::npos) {
        out += fmt::format("={}\n", value);
        return;
    }
    out += '\n';
    for (unsigned shift = 0; shift < 64; shift += 8) {
        out += static_cast<char>(value.size() >> shift & 0xff);
    }
    out += fmt::format("{}\n", value);
}

}  // namespace

std::string to_journal(const LogRecord& record) {
    std::string out;
    add_field(out, "MESSAGE", about(record) + record.text);
    add_field(out, "PRIORITY", fmt::format("{}", syslog_level(record.severity)));
    add_field(out, "SYSLOG_IDENTIFIER", "culvertd");
    add_field(out, "CULVERT_GROUP", name(record.group));
    if (!record.connection.empty()) { add_field(out, "CULVERT_CONNECTION", record.connection); }
    if (!record.child.empty()) { add_field(out, "CULVERT_CHILD", record.child); }
    if (record.ike_unique_id != 0) {
        add_field(out, "CULVERT_IKE_ID", fmt::format("{}", record.ike_unique_id));
    }
    if (record.remote) { add_field(out, "CULVERT_REMOTE", record.remote->to_string()); }
    return out;
}

bool stderr_is_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): never set
    struct stat status{};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) { return false; }
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

Result<std::unique_ptr<LogSink>> open_sink(const LogSpec& spec, LogTarget target) {
    switch (target) {
        case LogTarget::file: return open_spdlog(spec.file, spec.truncate);
        case LogTarget::journal: return open_journal();
        case LogTarget::system_log: return std::make_unique<SyslogSink>(spec.authentication);
        case LogTarget::standard_error:
        case LogTarget::by_default: break;
    }
    return open_spdlog("", false);
}

}  // namespace culvert::daemon
