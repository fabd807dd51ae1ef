#include "daemon/last_words.hpp"

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>

#include <sys/uio.h>
#include <unistd.h>

namespace culvert::daemon {
namespace {

iovec piece(const char* text) {
    // writev() only reads them.
    return {.iov_base = const_cast<char*>(text), .iov_len = std::strlen(text)};  // NOLINT
}

[[noreturn]] void terminated() noexcept {
    try {
        if (const auto current = std::current_exception()) { std::rethrow_exception(current); }
    } catch (const std::bad_alloc& why) {
        end_at_once("no memory where it cannot do without", why.what());
    } catch (...) {}
    std::abort();
}

}  // namespace

void end_at_once(const char* what, const char* why) noexcept {
    const std::array line{piece("culvertd: ends: "), piece(what), piece(": "), piece(why),
                          piece("\n")};
    [[maybe_unused]] const auto written = ::writev(STDERR_FILENO, line.data(), line.size());
    ::_exit(1);
}

void end_at_once_without_memory() { std::set_terminate(terminated); }

}  // namespace culvert::daemon
