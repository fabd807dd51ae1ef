#pragma once
// A Child SA that a command wants closed may be rekeyed before its turn comes. What was meant is
// what it carries, so that the command goes on to the one that took over. What ends by itself, such
// as a lifetime, does not.

#include <list>
#include <variant>

#include "ike/v2/tasks.hpp"

namespace culvert::ike::v2 {

inline void close_instead(std::list<Task>& queue, ChildSaId old, ChildSaId fresh) {
    for (Task& task : queue) {
        auto* deletion = std::get_if<DeleteChildTask>(&task.what);
        if (deletion != nullptr && deletion->id == old && !task.commands.empty()) {
            deletion->id = fresh;
        }
    }
}

}  // namespace culvert::ike::v2
