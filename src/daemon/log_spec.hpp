#pragma once
// What to log, how, and where: --log "info,ike=debug,plane=warn,format=json,file=/path".

#include <array>
#include <cstdint>
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
// standard_error under --foreground, else the system's log; a file where one is named.
enum class LogTarget : std::uint8_t { by_default, standard_error, system_log, file };

struct LogSpec {
    std::array<Severity, log_groups> levels{Severity::info, Severity::info, Severity::info,
                                            Severity::info, Severity::info};
    LogFormat format = LogFormat::text;
    LogTarget target = LogTarget::by_default;
    std::string file;

    // Items between commas: a level for all groups, GROUP=LEVEL, format=text|json, file=PATH,
    // file=- (standard error), syslog. ErrorCode::config says which item, and what could stand
    // there.
    static Result<LogSpec> parse(std::string_view text);

    bool wants(LogGroup group, Severity severity) const {
        return severity <= levels[static_cast<std::size_t>(group)];
    }
};

}  // namespace culvert::daemon
