#pragma once
// What nobody refuses and still goes wrong: only who looks at a tunnel for a while can tell.

#include <string>

#include "ike/status.hpp"

namespace culvert::daemon {

// Goes where refusals go: the history of failures, the log, culvert-failure.
struct Finding {
    ike::Failure failure;
    std::string text;  // a line for people, without the failure's words
};

}  // namespace culvert::daemon
