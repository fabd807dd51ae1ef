#include "ike/v2/command_ledger.hpp"

#include <utility>

#include "base/assert.hpp"

namespace culvert::ike::v2 {

void CommandLedger::begin(CommandId id, unsigned parts, Actions& out) {
    if (parts == 0) {
        out.emplace_back(CommandDone{.id = id, .status = {}, .matched = 0});
        return;
    }
    running_.emplace(id, Running{.open = parts, .matched = parts, .status = {}});
}

void CommandLedger::part_done(CommandId id, Status status, Actions& out) {
    const auto found = running_.find(id);
    ASSERT(found != running_.end());
    Running& running = found->second;
    if (running.status && !status) { running.status = std::move(status); }
    if (--running.open > 0) { return; }
    out.emplace_back(
        CommandDone{.id = id, .status = std::move(running.status), .matched = running.matched});
    running_.erase(found);
}

void CommandLedger::refuse(CommandId id, Error why, Actions& out) {
    out.emplace_back(
        CommandDone{.id = id, .status = std::unexpected(std::move(why)), .matched = 0});
}

}  // namespace culvert::ike::v2
