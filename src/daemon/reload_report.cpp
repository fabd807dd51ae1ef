#include "daemon/reload_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "daemon/limits.hpp"

namespace culvert::daemon {

void log_problems(Log& log, const config::Problems& problems) {
    for (const config::Problem& problem : problems) {
        const std::string text = printable(problem.to_string(), log_text_max);
        if (problem.severity == config::Problem::Severity::warning) {
            log.warn(LogGroup::config, text);
        } else if (problem.severity == config::Problem::Severity::info) {
            log.info(LogGroup::config, text);
        }
    }
}

void warn_of_ports(Log& log, const ike::EngineSettings& wanted, const ike::EngineSettings& used) {
    if (wanted.port == used.port && wanted.port_nat_t == used.port_nat_t) { return; }
    log.warn(LogGroup::config,
             fmt::format("charon.port = {} and port_nat_t = {} come with the next start of "
                         "culvertd: its sockets have {} and {}",
                         wanted.port, wanted.port_nat_t, used.port, used.port_nat_t));
}

void tell_of_vici(Log& log, const ConfigStore& store) {
    const std::vector<std::string> names = store.by_vici_alone();
    if (names.empty()) { return; }
    log.info(LogGroup::config,
             printable(fmt::format("loaded by VICI and not in the file, and so not touched by the "
                                   "reload: {}",
                                   fmt::join(names, ", ")),
                       log_text_max));
}

}  // namespace culvert::daemon
