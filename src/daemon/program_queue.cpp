#include "daemon/program_queue.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/limits.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::daemon {
namespace {

// For a program to read from its beginning. None where there is nothing to read.
plane::FileDescriptor file_of(std::string_view text) {
    if (text.empty()) { return {}; }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) { return {}; }
    plane::FileDescriptor out{ends[0]};
    const plane::FileDescriptor in{ends[1]};
    // Far less than a pipe holds, or cut off there. The reader waits as others do.
    if (::write(in.get(), text.data(), text.size()) < 0 || ::fcntl(out.get(), F_SETFL, 0) < 0) {
        return {};
    }
    return out;
}

// The names that posix_spawn wants; the strings must outlive them.
std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& one : strings) { out.push_back(one.data()); }
    out.push_back(nullptr);
    return out;
}

// In a process group of its own, so that its children end with it; without our files.
Result<pid_t> spawn(Program program) {
    std::vector<std::string> words = words_of(program.command);
    Environment& environment = program.environment;
    const plane::FileDescriptor input = file_of(program.input);
    environment.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    posix_spawn_file_actions_t files{};
    posix_spawn_file_actions_init(&files);
    for (const int standard : {0, 1, 2}) {
        posix_spawn_file_actions_addopen(&files, standard, "/dev/null",
                                         standard == 0 ? O_RDONLY : O_WRONLY, 0);
    }
    if (input) { posix_spawn_file_actions_adddup2(&files, input.get(), 0); }
    posix_spawnattr_t attributes{};
    posix_spawnattr_init(&attributes);
    sigset_t none{};
    sigemptyset(&none);
    sigset_t all{};
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes,
        static_cast<short>(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    pid_t pid = 0;
    const int why = posix_spawn(&pid, words.front().c_str(), &files, &attributes,
                                pointers(words).data(), pointers(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    if (why != 0) {
        return std::unexpected(
            system_error(fmt::format("to run {}", printable(program.command)), why));
    }
    return pid;
}

}  // namespace

ProgramQueue::ProgramQueue(Loop& loop, Log& log) : log_(log), timer_(loop, [this] { look(); }) {}

ProgramQueue::~ProgramQueue() {
    if (pid_ == 0) { return; }
    // One that we may not kill is not waited for.
    if (kill_group()) { ::waitpid(pid_, nullptr, 0); }
}

bool ProgramQueue::kill_group() const { return ::kill(-pid_, SIGKILL) == 0; }

void ProgramQueue::add(Program program) {
    if (waiting_.size() == programs_waiting_max) {
        log_.error(LogGroup::daemon, fmt::format("{} was not run: {} runs wait already",
                                                 printable(program.command), programs_waiting_max));
        return;
    }
    waiting_.push_back(std::move(program));
    if (pid_ == 0) { start_next(); }
}

void ProgramQueue::finish(Instant until) {
    start_next();
    while (pid_ != 0) {
        if (Loop::now() >= until) {
            log_.warn(LogGroup::daemon, fmt::format("{} has not ended, and {} more were not run",
                                                    running_, waiting_.size()));
            return;
        }
        std::this_thread::sleep_for(program_look_every);
        look();
    }
}

void ProgramQueue::start_next() {
    while (pid_ == 0 && !waiting_.empty()) {
        Program program = std::move(waiting_.front());
        waiting_.pop_front();
        running_ = printable(program.command);
        const auto pid = spawn(std::move(program));
        if (!pid) {
            log_.error(LogGroup::daemon, explain(pid.error()));
            continue;
        }
        pid_ = *pid;
        deadline_ = Loop::now() + program_time_max;
        timer_.set_in(program_look_every);
    }
}

void ProgramQueue::look() {
    if (pid_ == 0) { return start_next(); }
    timer_.set_in(program_look_every);  // first: what follows may lack memory
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) {
        if (Loop::now() >= deadline_) {
            log_.error(
                LogGroup::daemon,
                fmt::format("{} did not end within {} s and {}", running_, program_time_max.count(),
                            kill_group() ? "was killed"
                                         : "cannot be killed: does a security module "
                                           "(AppArmor) forbid that to culvertd?"));
            deadline_ = Loop::now() + program_time_max;
        }
        return;
    }
    pid_ = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        log_.warn(LogGroup::daemon,
                  fmt::format("{} ended with status {}", running_, WEXITSTATUS(status)));
    } else if (WIFSIGNALED(status)) {
        log_.warn(LogGroup::daemon,
                  fmt::format("{} was ended by signal {}", running_, WTERMSIG(status)));
    }
    start_next();
}

}  // namespace culvert::daemon
