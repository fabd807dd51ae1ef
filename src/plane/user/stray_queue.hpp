#pragma once
// ESP that arrived at a worker which does not own its SA, on its way to the one that does. The
// kernel delivers by SPI, but what it has coalesced goes where the first packet belongs.

#include <cstddef>
#include <functional>
#include <mutex>
#include <vector>

#include "plane/limits.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::plane {

// Given to by any thread, taken from by one.
class StrayQueue {
 public:
    // Copies the run. False: there is no room, and it is lost.
    bool give(const Arrival& run);
    // In the order in which they were given; each stays until `done` was called behind the last.
    void take(const std::function<void(const Arrival&)>& take, const std::function<void()>& done);

 private:
    struct Stray {
        Arrival run;  // octets lie in `memory`
        Bytes memory;
    };
    std::mutex mutex_;
    std::vector<Stray> strays_;
    std::size_t octets_ = 0;
    std::vector<Stray> taken_;
};

}  // namespace culvert::plane
