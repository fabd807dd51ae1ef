#include "daemon/startup.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace culvert::daemon {
namespace {

// The first process: ends as the daemon's start does.
[[noreturn]] void wait_for_start(const plane::FileDescriptor& pipe, pid_t child) {
    char word = 0;
    ssize_t count = 0;
    do { count = ::read(pipe.get(), &word, 1); } while (count < 0 && errno == EINTR);
    if (count == 1) { ::_exit(0); }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

}  // namespace

Result<Background> Background::enter(bool foreground) {
    Background out;
    if (foreground) { return out; }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return std::unexpected(system_error("to go into the background", errno));
    }
    const plane::FileDescriptor reading{ends[0]};
    out.pipe_ = plane::FileDescriptor{ends[1]};
    const pid_t child = ::fork();
    if (child < 0) { return std::unexpected(system_error("to go into the background", errno)); }
    if (child > 0) {
        out.pipe_.reset();
        wait_for_start(reading, child);
    }
    ::setsid();
    out.background_ = true;
    return out;
}

void Background::ready() {
    if (background_) {
        const plane::FileDescriptor null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
        for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
            ::dup2(null.get(), standard);
        }
        const char word = '1';
        [[maybe_unused]] const auto count = ::write(pipe_.get(), &word, 1);
        pipe_.reset();
    }
    notify_service_manager("READY=1");
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    const auto number = [](const char* name) -> std::optional<long long> {
        const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): never set
        if (text == nullptr) { return std::nullopt; }
        long long value = 0;
        const char* end = text + std::strlen(text);
        const auto [at, error] = std::from_chars(text, end, value);
        if (error != std::errc{} || at != end || value <= 0) { return std::nullopt; }
        return value;
    };
    const auto allowed = number("WATCHDOG_USEC");
    const auto meant = number("WATCHDOG_PID");
    if (!allowed || (meant && *meant != ::getpid())) { return std::nullopt; }
    return std::chrono::microseconds{*allowed / 2};
}

void notify_service_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");  // NOLINT(concurrency-mt-unsafe): never set
    if (path == nullptr) { return; }
    const std::string_view name = path;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (name.empty() || name.size() >= sizeof address.sun_path) { return; }
    std::memcpy(static_cast<char*>(address.sun_path), name.data(), name.size());
    if (name.front() == '@') { address.sun_path[0] = '\0'; }  // an abstract name
    const plane::FileDescriptor socket{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    const void* generic = &address;
    ::sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
             static_cast<const sockaddr*>(generic),
             static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size()));
}

}  // namespace culvert::daemon
