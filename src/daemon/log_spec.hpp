#pragma once
// What to log, how, and where: --log "info,ike=debug,plane=warn,format=json,file=/path". Further
// outputs come from strongswan.conf.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "ike/engine.hpp"

namespace culvert::daemon {

enum class LogGroup : std::uint8_t { daemon, config, vici, ike, plane };
constexpr std::size_t log_groups = 5;
std::string_view name(LogGroup group);

using Severity = ike::Severity;
std::string_view name(Severity severity);

enum class LogFormat : std::uint8_t { text, json };
// By default: standard_error under --foreground (the journal, if it reads that), else the system's
// log; a file where one is named.
enum class LogTarget : std::uint8_t { by_default, standard_error, system_log, journal, file };

// By group the least severe records that are wanted, or none at all.
class LogLevels {
 public:
    bool wants(LogGroup group, Severity severity) const {
        const auto most = most_[static_cast<std::size_t>(group)];
        return most && severity <= *most;
    }
    void set(LogGroup group, std::optional<Severity> most) {
        most_[static_cast<std::size_t>(group)] = most;
    }
    void set_all(std::optional<Severity> most) { most_.fill(most); }
    // "debug", or "ike=debug": false if it is neither. "none" is a level as well.
    bool set_item(std::string_view item);
    // Several, joined by commas: all of them or, with ErrorCode::config, none.
    Status change(std::string_view items);
    // "none" for a group of which nothing is wanted.
    std::string_view level(LogGroup group) const;

 private:
    std::array<std::optional<Severity>, log_groups> most_{
        Severity::info, Severity::info, Severity::info, Severity::info, Severity::info};
};

struct LogSpec {
    LogLevels levels;
    LogFormat format = LogFormat::text;
    LogTarget target = LogTarget::by_default;
    std::string file;
    bool truncate = false;        // the file, when it is opened
    bool authentication = false;  // to syslog's authpriv, not daemon

    // Items between commas: a level for all groups, GROUP=LEVEL, format=text|json, file=PATH,
    // file=- (standard error), syslog, journal. ErrorCode::config says which item, and what could
    // stand there.
    static Result<LogSpec> parse(std::string_view text);
};

}  // namespace culvert::daemon
