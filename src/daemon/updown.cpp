#include "daemon/updown.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include "daemon/limits.hpp"
#include "plane/host_addresses.hpp"

namespace culvert::daemon {
namespace {

// The names that posix_spawn wants; the strings must outlive them.
std::vector<char*> pointers(std::vector<std::string>& strings) {
    std::vector<char*> out;
    for (std::string& one : strings) { out.push_back(one.data()); }
    out.push_back(nullptr);
    return out;
}

// In a process group of its own, so that its children end with it; without our files.
Result<pid_t> spawn(const std::string& command, Environment environment) {
    std::vector<std::string> words = words_of(command);
    environment.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    posix_spawn_file_actions_t files{};
    posix_spawn_file_actions_init(&files);
    for (const int standard : {0, 1, 2}) {
        posix_spawn_file_actions_addopen(&files, standard, "/dev/null",
                                         standard == 0 ? O_RDONLY : O_WRONLY, 0);
    }
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
        return std::unexpected(system_error(fmt::format("to run {}", printable(command)), why));
    }
    return pid;
}

std::string interface_of(const IpAddress& address) {
    const auto all = plane::host_addresses();
    const auto found = std::ranges::find_if(
        all, [&](const plane::HostAddress& one) { return one.address.address == address; });
    return found == all.end() ? std::string{} : found->interface;
}

}  // namespace

Updown::Updown(Loop& loop, Log& log, NameServersOf name_servers)
    : log_(log), name_servers_(std::move(name_servers)), timer_(loop, [this] { look(); }) {}

Updown::~Updown() {
    if (pid_ == 0) { return; }
    kill_group();
    ::waitpid(pid_, nullptr, 0);
}

void Updown::kill_group() const { ::kill(-pid_, SIGKILL); }

void Updown::on_event(const ike::Event& event, const ike::Config& config) {
    const Key key{event.ike_unique_id, event.child};
    if (event.kind == ike::EventKind::child_down) {
        const auto found = up_.find(key);
        if (found == up_.end()) { return; }
        for (const Run& run : found->second) { queue({run.command, for_down(run.environment)}); }
        up_.erase(found);
        return;
    }
    if (event.kind != ike::EventKind::child_up || !event.ike) { return; }
    const auto connection =
        std::ranges::find(config.connections, event.connection, &ike::Connection::name);
    if (connection == config.connections.end()) { return; }
    const auto child =
        std::ranges::find(connection->children, event.child, &ike::ChildConfig::name);
    const auto status = std::ranges::find(event.ike->children, event.child_unique_id,
                                          &ike::ChildSaStatus::unique_id);
    if (child == connection->children.end() || child->updown.empty() ||
        status == event.ike->children.end()) {
        return;
    }
    std::vector<Run> runs;
    const UpdownHost host{.interface = interface_of(event.ike->local.address),
                          .name_servers = name_servers_(event.connection)};
    for (Environment& environment : updown_runs(*event.ike, *status, *child, host)) {
        runs.push_back({child->updown, std::move(environment)});
    }
    for (const Run& run : runs) { queue(run); }
    up_.emplace(key, std::move(runs));
}

void Updown::queue(Run run) {
    if (waiting_.size() == updown_queue_max) {
        log_.error(LogGroup::daemon, fmt::format("{} was not run: {} runs wait already",
                                                 printable(run.command), updown_queue_max));
        return;
    }
    waiting_.push_back(std::move(run));
    if (pid_ == 0) { start_next(); }
}

void Updown::start_next() {
    while (pid_ == 0 && !waiting_.empty()) {
        Run run = std::move(waiting_.front());
        waiting_.pop_front();
        const auto pid = spawn(run.command, std::move(run.environment));
        if (!pid) {
            log_.error(LogGroup::daemon, explain(pid.error()));
            continue;
        }
        pid_ = *pid;
        running_ = printable(run.command);
        deadline_ = Loop::now() + updown_time_max;
        timer_.set_in(updown_look_every);
    }
}

void Updown::look() {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == 0 || (ended < 0 && errno == EINTR)) {
        if (Loop::now() >= deadline_) {
            log_.error(LogGroup::daemon, fmt::format("{} did not end within {} s and was killed",
                                                     running_, updown_time_max.count()));
            kill_group();
            deadline_ = Loop::now() + updown_time_max;
        }
        timer_.set_in(updown_look_every);
        return;
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        log_.warn(LogGroup::daemon,
                  fmt::format("{} ended with status {}", running_, WEXITSTATUS(status)));
    } else if (WIFSIGNALED(status)) {
        log_.warn(LogGroup::daemon,
                  fmt::format("{} was ended by signal {}", running_, WTERMSIG(status)));
    }
    pid_ = 0;
    start_next();
}

}  // namespace culvert::daemon
