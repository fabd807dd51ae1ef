// Loaded into a program (LD_PRELOAD) to make its n-th system call of a kind, or its n-th
// allocation, fail. Environment: FAIL_KIND calls|memory; FAIL_AT n, from 1 (none: nothing
// fails); FAIL_COUNT a file that gets their number when the program ends.

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace {

std::atomic<std::uint64_t> calls{0};
std::atomic<std::uint64_t> allocations{0};

struct Plan {
    bool memory = false;
    std::uint64_t at = 0;
};

const Plan& plan() {
    static const Plan made = [] {
        Plan out;
        const char* const kind = std::getenv("FAIL_KIND");
        out.memory = kind != nullptr && std::strcmp(kind, "memory") == 0;
        if (const char* const at = std::getenv("FAIL_AT")) {
            out.at = std::strtoull(at, nullptr, 10);
        }
        return out;
    }();
    return made;
}

// Nobody who is the n-th may go on.
bool call_fails(int error) {
    const std::uint64_t mine = ++calls;
    if (plan().memory || mine != plan().at) { return false; }
    errno = error;
    return true;
}

// What the program's own libraries make before main() can end it in no other way.
std::atomic<bool> begun{false};

bool allocation_fails() {
    if (!begun) { return false; }
    const std::uint64_t mine = ++allocations;
    if (!plan().memory || mine != plan().at) { return false; }
    errno = ENOMEM;
    return true;
}

template <class F>
F* next(const char* name) {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

// The loader allocates before anybody can be asked for the real functions.
extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* __libc_calloc(std::size_t count, std::size_t size);
extern "C" void* __libc_realloc(void* old, std::size_t size);
extern "C" void* __libc_memalign(std::size_t alignment, std::size_t size);

// How many there were is what the caller needs to try them all.
struct Report {
    ~Report() {
        const char* const path = std::getenv("FAIL_COUNT");
        if (path == nullptr) { return; }
        const int fd = static_cast<int>(
            ::syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
        if (fd < 0) { return; }
        char text[64];
        std::uint64_t count = plan().memory ? allocations.load() : calls.load();
        std::size_t at = sizeof text;
        do { text[--at] = static_cast<char>('0' + count % 10); } while ((count /= 10) != 0);
        [[maybe_unused]] const auto written = ::syscall(SYS_write, fd, text + at, sizeof text - at);
        ::close(fd);
    }
} report;

int (*real_main)(int argc, char** argv, char** environment) = nullptr;
// OpenSSL 3.0 goes on without its random numbers' lock when there was no memory for that, and
// crashes at their first use: nothing that its user could bear.
void make_random_numbers_ready() {
    unsigned char octet = 0;
    for (const char* name : {"RAND_bytes", "RAND_priv_bytes"}) {
        using Draw = int(unsigned char*, int);
        auto* const draw = reinterpret_cast<Draw*>(::dlsym(RTLD_DEFAULT, name));
        if (draw != nullptr) { draw(&octet, 1); }
    }
}

int begin_main(int argc, char** argv, char** environment) {
    make_random_numbers_ready();
    begun = true;
    return real_main(argc, argv, environment);
}

}  // namespace

// NOLINTBEGIN: these are the C library's own names and signatures
extern "C" {

int __libc_start_main(int (*main)(int, char**, char**), int argc, char** argv, void (*init)(),
                      void (*fini)(), void (*rtld_fini)(), void* stack_end) {
    real_main = main;
    static auto* const real = next<int(int (*)(int, char**, char**), int, char**, void (*)(),
                                       void (*)(), void (*)(), void*)>("__libc_start_main");
    return real(begin_main, argc, argv, init, fini, rtld_fini, stack_end);
}

void* malloc(std::size_t size) { return allocation_fails() ? nullptr : __libc_malloc(size); }
void* calloc(std::size_t count, std::size_t size) {
    return allocation_fails() ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
    return allocation_fails() ? nullptr : __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
    return allocation_fails() ? nullptr : __libc_memalign(alignment, size);
}
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
    if (allocation_fails()) { return ENOMEM; }
    *out = __libc_memalign(alignment, size);
    return *out == nullptr ? ENOMEM : 0;
}

int socket(int domain, int type, int protocol) noexcept {
    if (call_fails(EMFILE)) { return -1; }
    static auto* const real = next<int(int, int, int)>("socket");
    return real(domain, type, protocol);
}
int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
    if (call_fails(EACCES)) { return -1; }
    static auto* const real = next<int(int, const sockaddr*, socklen_t)>("bind");
    return real(fd, address, size);
}
int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
    if (call_fails(ENOPROTOOPT)) { return -1; }
    static auto* const real = next<int(int, int, int, const void*, socklen_t)>("setsockopt");
    return real(fd, level, name, value, size);
}
int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
    if (call_fails(ENOBUFS)) { return -1; }
    static auto* const real = next<int(int, sockaddr*, socklen_t*)>("getsockname");
    return real(fd, address, size);
}
int ioctl(int fd, unsigned long request, ...) noexcept {
    va_list list;
    va_start(list, request);
    void* const argument = va_arg(list, void*);
    va_end(list);
    if (call_fails(EPERM)) { return -1; }
    static auto* const real = next<int(int, unsigned long, ...)>("ioctl");
    return real(fd, request, argument);
}
int epoll_create1(int flags) noexcept {
    if (call_fails(EMFILE)) { return -1; }
    static auto* const real = next<int(int)>("epoll_create1");
    return real(flags);
}
int epoll_ctl(int fd, int what, int other, epoll_event* event) noexcept {
    if (call_fails(ENOSPC)) { return -1; }
    static auto* const real = next<int(int, int, int, epoll_event*)>("epoll_ctl");
    return real(fd, what, other, event);
}
int eventfd(unsigned value, int flags) noexcept {
    if (call_fails(EMFILE)) { return -1; }
    static auto* const real = next<int(unsigned, int)>("eventfd");
    return real(value, flags);
}
int timerfd_create(int clock, int flags) noexcept {
    if (call_fails(EMFILE)) { return -1; }
    static auto* const real = next<int(int, int)>("timerfd_create");
    return real(clock, flags);
}
int open(const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const mode_t mode = va_arg(list, mode_t);
    va_end(list);
    if (call_fails(EMFILE)) { return -1; }
    static auto* const real = next<int(const char*, int, ...)>("open");
    return real(path, flags, mode);
}
int open64(const char* path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    const mode_t mode = va_arg(list, mode_t);
    va_end(list);
    if (call_fails(EMFILE)) { return -1; }
    static auto* const real = next<int(const char*, int, ...)>("open64");
    return real(path, flags, mode);
}
int mlock(const void* where, std::size_t size) noexcept {
    if (call_fails(ENOMEM)) { return -1; }
    static auto* const real = next<int(const void*, std::size_t)>("mlock");
    return real(where, size);
}
ssize_t getrandom(void* out, std::size_t size, unsigned flags) {
    if (call_fails(EAGAIN)) { return -1; }
    static auto* const real = next<ssize_t(void*, std::size_t, unsigned)>("getrandom");
    return real(out, size, flags);
}
ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    if (call_fails(ENOBUFS)) { return -1; }
    static auto* const real = next<ssize_t(int, const msghdr*, int)>("sendmsg");
    return real(fd, message, flags);
}
ssize_t recvmsg(int fd, msghdr* message, int flags) {
    if (call_fails(ENOMEM)) { return -1; }
    static auto* const real = next<ssize_t(int, msghdr*, int)>("recvmsg");
    return real(fd, message, flags);
}

}  // extern "C"
// NOLINTEND
