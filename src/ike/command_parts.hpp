#pragma once
// Commands that several engines were given: how it ends for whoever asked.

#include <map>
#include <optional>

#include "ike/engine.hpp"

namespace culvert::ike {

class CommandParts {
 public:
    // So many engines have it, and each of them will say that it is done.
    void expect(CommandId id, unsigned engines);
    // The end of the whole command, with the last of its parts; of one that nobody expects at once.
    std::optional<CommandDone> done(const CommandDone& part);

 private:
    struct Parts {
        unsigned left = 0;
        bool matched = false;
        CommandDone sum{};
    };
    std::map<CommandId, Parts> parts_;
};

}  // namespace culvert::ike
