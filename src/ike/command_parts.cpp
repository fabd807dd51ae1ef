#include "ike/command_parts.hpp"

namespace culvert::ike {

void CommandParts::expect(CommandId id, unsigned engines) {
    if (engines > 1) { parts_.insert_or_assign(id, Parts{.left = engines}); }
}

std::optional<CommandDone> CommandParts::done(const CommandDone& part) {
    const auto found = parts_.find(part.id);
    if (found == parts_.end()) { return part; }
    Parts& parts = found->second;
    // That one engine has nothing that is meant says nothing about the others.
    const bool matched = part.matched > 0 || part.status.has_value();
    if (matched && parts.matched) {
        parts.sum.matched += part.matched;
        if (parts.sum.status) { parts.sum.status = part.status; }
    } else if (matched || !parts.matched) {
        parts.sum = part;
        parts.matched = matched;
    }
    if (--parts.left > 0) { return std::nullopt; }
    return parts_.extract(found).mapped().sum;
}

}  // namespace culvert::ike
