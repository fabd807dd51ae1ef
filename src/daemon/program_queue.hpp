#pragma once
// Runs programs: one at a time, without a shell, with a time limit. Main thread only.

#include <deque>
#include <string>

#include <sys/types.h>

#include "daemon/log.hpp"
#include "daemon/loop.hpp"
#include "daemon/updown_environment.hpp"

namespace culvert::daemon {

struct Program {
    std::string command;  // a full path and arguments
    Environment environment{};
    std::string input{};  // what it reads
};

class ProgramQueue {
 public:
    ProgramQueue(Loop& loop, Log& log);
    ProgramQueue(const ProgramQueue&) = delete;
    ProgramQueue& operator=(const ProgramQueue&) = delete;
    ProgramQueue(ProgramQueue&&) = delete;
    ProgramQueue& operator=(ProgramQueue&&) = delete;
    // Ends what still runs.
    ~ProgramQueue();

    // Behind those that wait. What goes wrong is logged.
    void add(Program program);
    // Once the loop has ended: runs what waits, and waits for it, until then at most.
    void finish(Instant until);

 private:
    void start_next();
    void look();
    bool kill_group() const;

    Log& log_;
    std::deque<Program> waiting_;
    std::string running_;  // its command
    pid_t pid_ = 0;        // 0: none runs
    Instant deadline_{};
    Timer timer_;
};

}  // namespace culvert::daemon
