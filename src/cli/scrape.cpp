#include "cli/scrape.hpp"

#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace culvert::cli {
namespace {

// Behind such a one nothing more can be read.
bool is_broken(const Error& error) {
    return error.code == ErrorCode::system || error.code == ErrorCode::peer_gone ||
           error.code == ErrorCode::timed_out || error.code == ErrorCode::malformed;
}

// False: the client is of no use any more.
template <class T>
bool take(Result<T> answer, std::string_view command, T& into, Output& output) {
    if (answer) {
        into = *std::move(answer);
        return true;
    }
    output.err(
        fmt::format("culvert-exporter: no metrics of {}: {}\n", command, explain(answer.error())));
    return !is_broken(answer.error());
}

Error no_answer(std::string_view command) {
    return {.code = ErrorCode::timed_out,
            .wanted = fmt::format("the daemon's answer to {}", command),
            .received = "none"};
}

}  // namespace

Result<MetricParts> scrape(vici::Client& client, Output& output) {
    MetricParts parts;
    for (const auto& [command, into] :
         {std::pair{"culvert-status", &parts.status}, std::pair{"stats", &parts.stats},
          std::pair{"get-counters", &parts.counters}, std::pair{"get-pools", &parts.pools}}) {
        if (!take(ask(client, command), command, *into, output)) {
            return std::unexpected(no_answer(command));
        }
    }
    for (const auto& [command, event, into] :
         {std::tuple{"list-conns", "list-conn", &parts.connections},
          std::tuple{"list-sas", "list-sa", &parts.sas},
          std::tuple{"list-certs", "list-cert", &parts.certificates}}) {
        if (!take(listed(client, command, event), command, *into, output)) {
            return std::unexpected(no_answer(command));
        }
    }
    return parts;
}

}  // namespace culvert::cli
