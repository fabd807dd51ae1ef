#include "plane/user/nft_program.hpp"

#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/bytes.hpp"
#include "plane/errors.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/limits.hpp"

namespace culvert::plane {
namespace {

struct Pipe {
    FileDescriptor read;
    FileDescriptor write;

    static std::optional<Pipe> make() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) { return std::nullopt; }
        return Pipe{FileDescriptor{ends[0]}, FileDescriptor{ends[1]}};
    }
};

std::optional<std::string> find_nft() {
    for (const char* path : {"/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft"}) {
        if (::access(path, X_OK) == 0) { return path; }
    }
    return std::nullopt;
}

struct Exchange {
    std::string output;
    std::string errors;
    bool timed_out = false;
};

// Appends what can be read; closes at the end of the stream.
void take(FileDescriptor& from, std::string& into) {
    std::array<char, 4096> buffer{};
    const ssize_t size = ::read(from.get(), buffer.data(), buffer.size());
    if (size <= 0) {
        from.reset();
    } else if (into.size() < nft_output_octets_max) {
        into.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

// Feeds the child and gathers what it says, until it closes both or time is up.
Exchange converse(FileDescriptor in, FileDescriptor out, FileDescriptor err,
                  std::string_view input) {
    // nft reads all of its input before it says a word, but a full pipe must not block us.
    ::fcntl(in.get(), F_SETFL, O_NONBLOCK);
    Exchange result;
    const auto deadline = std::chrono::steady_clock::now() + nft_time_max;
    while (out || err) {
        if (input.empty()) { in.reset(); }
        std::array<pollfd, 3> wait{pollfd{out.get(), POLLIN, 0}, pollfd{err.get(), POLLIN, 0},
                                   pollfd{in.get(), POLLOUT, 0}};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        if (left.count() <= 0 ||
            (::poll(wait.data(), wait.size(), static_cast<int>(left.count())) < 0 &&
             errno != EINTR)) {
            result.timed_out = true;
            return result;
        }
        if (wait[0].revents != 0) { take(out, result.output); }
        if (wait[1].revents != 0) { take(err, result.errors); }
        if (wait[2].revents != 0) {
            const ssize_t size = ::write(in.get(), input.data(), input.size());
            if (size > 0) {
                input.remove_prefix(static_cast<std::size_t>(size));
            } else if (errno != EAGAIN) {
                input = {};
            }
        }
    }
    return result;
}

Result<pid_t> spawn(const std::string& program, const std::vector<std::string>& arguments,
                    const Pipe& in, const Pipe& out, const Pipe& err) {
    std::vector<std::string> words{"nft"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) { argv.push_back(word.data()); }
    argv.push_back(nullptr);
    // Nothing of our environment is nft's business.
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::array<char*, 2> environment{path.data(), nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawnattr_init(&attributes);
    ::posix_spawn_file_actions_adddup2(&actions, in.read.get(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
    // The daemon may block signals in its threads; the child starts without that.
    sigset_t none;
    sigset_t pipe_only;
    ::sigemptyset(&none);
    ::sigemptyset(&pipe_only);
    ::sigaddset(&pipe_only, SIGPIPE);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &pipe_only);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, argv.data(),
                                    environment.data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) { return std::unexpected(system_error("to run nft", error)); }
    return pid;
}

// The exit status, or -1.
int reap(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0) {
        // Someone else (a SIGCHLD handler of the program) took it: what it said decides then.
        if (errno != EINTR) { return 0; }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// SIGPIPE must not end the daemon when nft dies early: it stays blocked in this thread meanwhile.
class PipeSignalBlocked {
 public:
    PipeSignalBlocked() {
        sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &set, &before_);
    }
    PipeSignalBlocked(const PipeSignalBlocked&) = delete;
    PipeSignalBlocked& operator=(const PipeSignalBlocked&) = delete;
    PipeSignalBlocked(PipeSignalBlocked&&) = delete;
    PipeSignalBlocked& operator=(PipeSignalBlocked&&) = delete;
    ~PipeSignalBlocked() {
        sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGPIPE);
        const timespec now{};
        while (::sigtimedwait(&set, nullptr, &now) > 0) {}  // what came while blocked
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

 private:
    sigset_t before_{};
};

}  // namespace

Result<std::string> run_nft(const std::vector<std::string>& arguments, std::string_view input) {
    const auto program = find_nft();
    if (!program) { return std::unexpected(no_nft("there is no nft")); }
    auto in = Pipe::make();
    auto out = Pipe::make();
    auto err = Pipe::make();
    if (!in || !out || !err) { return std::unexpected(system_error("to run nft", errno)); }
    const PipeSignalBlocked blocked;
    const auto pid = spawn(*program, arguments, *in, *out, *err);
    if (!pid) { return std::unexpected(pid.error()); }
    in->read.reset();
    out->write.reset();
    err->write.reset();
    Exchange said =
        converse(std::move(in->write), std::move(out->read), std::move(err->read), input);
    if (said.timed_out) {
        // One that we may not kill is not waited for.
        if (::kill(*pid, SIGKILL) == 0) { reap(*pid); }
        return std::unexpected(no_kernel_packet_filter("nft did not come to an end"));
    }
    if (reap(*pid) != 0) {
        return std::unexpected(no_kernel_packet_filter(printable(said.errors, 200)));
    }
    return std::move(said.output);
}

}  // namespace culvert::plane
