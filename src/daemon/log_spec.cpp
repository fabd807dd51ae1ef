#include "daemon/log_spec.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace culvert::daemon {
namespace {

constexpr std::array<std::string_view, log_groups> group_names{"daemon", "config", "vici", "ike",
                                                               "plane"};
constexpr std::array<std::string_view, 5> severity_names{"error", "warn", "info", "debug", "trace"};

Error bad_log_item(std::string_view item) {
    return {.code = ErrorCode::config,
            .wanted =
                "--log with a level (none, error, warn, info, debug, trace), GROUP=LEVEL (groups: "
                "daemon, config, vici, ike, plane), format=text|json, file=PATH, syslog or "
                "journal, "
                "joined by commas",
            .received = fmt::format("'{}'", printable(item)),
            .remedy = "write it like info,ike=debug,format=json,file=/var/log/culvertd.log"};
}

Error bad_level(std::string_view item) {
    return {.code = ErrorCode::config,
            .wanted =
                "a level (none, error, warn, info, debug, trace) or GROUP=LEVEL (groups: "
                "daemon, config, vici, ike, plane), joined by commas",
            .received = fmt::format("'{}'", printable(item)),
            .remedy = "write it like info,ike=debug"};
}

// Nothing if it is no level at all; a level of nothing is "none".
std::optional<std::optional<Severity>> level_of(std::string_view text) {
    if (text == "none") { return std::optional<Severity>{}; }
    for (std::size_t i = 0; i < severity_names.size(); ++i) {
        if (severity_names.at(i) == text) { return static_cast<Severity>(i); }
    }
    return std::nullopt;
}

// Calls `use` for each item until it refuses one; that one.
std::optional<std::string_view> each_item(std::string_view text,
                                          const std::function<bool(std::string_view)>& use) {
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        const std::string_view item = text.substr(0, comma);
        text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);
        if (!item.empty() && !use(item)) { return item; }
    }
    return std::nullopt;
}

bool set_item(LogSpec& spec, std::string_view item) {
    if (item == "syslog") {
        spec.target = LogTarget::system_log;
        return true;
    }
    if (item == "journal") {
        spec.target = LogTarget::journal;
        return true;
    }
    if (spec.levels.set_item(item)) { return true; }
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) { return false; }
    const std::string_view key = item.substr(0, equals);
    const std::string_view value = item.substr(equals + 1);
    if (key == "format") {
        if (value != "text" && value != "json") { return false; }
        spec.format = value == "json" ? LogFormat::json : LogFormat::text;
        return true;
    }
    if (key == "file") {
        if (value.empty()) { return false; }
        spec.target = value == "-" ? LogTarget::standard_error : LogTarget::file;
        spec.file = value == "-" ? "" : value;
        return true;
    }
    return false;
}

}  // namespace

std::string_view name(LogGroup group) { return group_names[std::to_underlying(group)]; }
std::string_view name(Severity severity) { return severity_names[std::to_underlying(severity)]; }

bool LogLevels::set_item(std::string_view item) {
    if (const auto level = level_of(item)) {
        set_all(*level);
        return true;
    }
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) { return false; }
    const auto level = level_of(item.substr(equals + 1));
    const auto group = std::ranges::find(group_names, item.substr(0, equals));
    if (!level || group == group_names.end()) { return false; }
    set(static_cast<LogGroup>(group - group_names.begin()), *level);
    return true;
}

Status LogLevels::change(std::string_view items) {
    LogLevels next = *this;
    if (const auto bad = each_item(items, [&](auto item) { return next.set_item(item); })) {
        return std::unexpected(bad_level(*bad));
    }
    *this = next;
    return {};
}

std::string_view LogLevels::level(LogGroup group) const {
    const auto most = most_.at(static_cast<std::size_t>(group));
    return most ? name(*most) : "none";
}

Result<LogSpec> LogSpec::parse(std::string_view text) {
    LogSpec out;
    if (const auto bad = each_item(text, [&](auto item) { return set_item(out, item); })) {
        return std::unexpected(bad_log_item(*bad));
    }
    return out;
}

}  // namespace culvert::daemon
