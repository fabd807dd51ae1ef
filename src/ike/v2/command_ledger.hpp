#pragma once
// Running commands: each ends with exactly one CommandDone, whatever it was carried out on.

#include <map>

#include "ike/engine.hpp"

namespace culvert::ike::v2 {

class CommandLedger {
 public:
    // The command was split into `parts` pieces of work; none ends it at once.
    void begin(CommandId id, unsigned parts, Actions& out);
    // One piece ended. The first error is the command's.
    void part_done(CommandId id, Status status, Actions& out);
    // Never begun: ends at once.
    static void refuse(CommandId id, Error why, Actions& out);

    std::size_t running() const { return running_.size(); }

 private:
    struct Running {
        unsigned open = 0;
        unsigned matched = 0;
        Status status;
    };
    std::map<CommandId, Running> running_;
};

}  // namespace culvert::ike::v2
