#include "daemon/log_outputs.hpp"

#include <algorithm>
#include <initializer_list>

namespace culvert::daemon {
namespace {

constexpr int usual_level = 1;

int level_of(const config::LogOutput& output, std::string_view group) {
    for (const std::string_view one : {group, std::string_view{"default"}}) {
        if (const auto found = output.levels.find(one); found != output.levels.end()) {
            return found->second;
        }
    }
    return usual_level;
}

int most_of(const config::LogOutput& output, std::initializer_list<std::string_view> groups) {
    int out = -1;
    for (const std::string_view group : groups) { out = std::max(out, level_of(output, group)); }
    return out;
}

std::optional<Severity> severity_of(int level) {
    if (level < 0) { return std::nullopt; }
    switch (level) {
        case 0: return Severity::warn;
        case 1: return Severity::info;
        case 2: return Severity::debug;
        default: return Severity::trace;
    }
}

LogTarget target_of(config::LogOutput::Kind kind) {
    switch (kind) {
        case config::LogOutput::Kind::file: return LogTarget::file;
        case config::LogOutput::Kind::standard_error: return LogTarget::standard_error;
        case config::LogOutput::Kind::system_log: return LogTarget::system_log;
        case config::LogOutput::Kind::journal: return LogTarget::journal;
    }
    return LogTarget::standard_error;
}

}  // namespace

LogSpec spec_of(const config::LogOutput& output) {
    LogSpec out;
    out.target = target_of(output.kind);
    if (out.target == LogTarget::file) { out.file = output.name; }
    out.truncate = !output.append;
    out.authentication = output.name == "auth";
    out.levels.set(LogGroup::daemon, severity_of(most_of(output, {"dmn", "job", "lib"})));
    out.levels.set(LogGroup::config, severity_of(level_of(output, "cfg")));
    out.levels.set(LogGroup::vici, severity_of(level_of(output, "cfg")));
    out.levels.set(LogGroup::plane, severity_of(most_of(output, {"knl", "esp"})));
    int ike = most_of(output, {"ike", "chd", "mgr"});
    if (most_of(output, {"enc", "net"}) >= 1) { ike = std::max(ike, 2); }
    out.levels.set(LogGroup::ike, severity_of(ike));
    return out;
}

void use_outputs(Log& log, const std::vector<config::LogOutput>& outputs) {
    std::vector<LogSpec> specs;
    for (const config::LogOutput& output : outputs) { specs.push_back(spec_of(output)); }
    for (const Error& problem : log.use_further(specs)) {
        log.error(LogGroup::daemon, explain(problem));
    }
}

}  // namespace culvert::daemon
