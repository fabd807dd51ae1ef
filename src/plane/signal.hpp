#pragma once
// Wakes one thread's poller from another thread: an eventfd.

#include <cerrno>
#include <cstdint>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::plane {

class Signal {
 public:
    static Result<Signal> make() {
        FileDescriptor fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
        if (!fd) { return std::unexpected(system_error("to wake a thread (eventfd)", errno)); }
        return Signal{std::move(fd)};
    }

    int fd() const { return fd_.get(); }
    // Both fail only when there is nothing to do: given already, or taken.
    void give() const {
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto size = ::write(fd_.get(), &one, sizeof one);
    }
    void take() const {
        std::uint64_t count = 0;
        [[maybe_unused]] const auto size = ::read(fd_.get(), &count, sizeof count);
    }

 private:
    explicit Signal(FileDescriptor fd) : fd_(std::move(fd)) {}
    FileDescriptor fd_;
};

}  // namespace culvert::plane
