#pragma once
// One thread's wait for many descriptors: epoll, with a call for each that is ready.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <sys/epoll.h>

#include "base/error.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::plane {

class Poller {
 public:
    // Fails with `system`.
    static Result<Poller> make();

    // Calls `ready(events)` whenever epoll reports EPOLLIN or EPOLLERR. Before run() only.
    Status watch(int fd, std::function<void(std::uint32_t events)> ready);
    // A watched descriptor is looked at no more (but for errors), or again: any thread. What was
    // ready before may still be told of once.
    void look_at(int fd, bool wanted) const;
    // Calls `tick` each `period`.
    Status every(std::chrono::seconds period, std::function<void()> tick);

    // Until stop().
    void run();
    // From any thread.
    void stop() const;

 private:
    struct Call {
        int fd;
        std::function<void(std::uint32_t events)> ready;
    };
    Poller(FileDescriptor epoll, FileDescriptor wake)
        : epoll_(std::move(epoll)), wake_(std::move(wake)) {}

    FileDescriptor epoll_;
    FileDescriptor wake_;
    FileDescriptor timer_;
    std::vector<std::unique_ptr<Call>> calls_;  // epoll has their addresses
};

}  // namespace culvert::plane
