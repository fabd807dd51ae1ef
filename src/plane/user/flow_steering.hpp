#pragma once
// Which queue of the TUN a packet comes out of: a hash of its addresses and TCP ports, so that a
// flow stays with one worker, in order, and the flows of one tunnel spread over all. Left to itself
// the kernel sends a flow to the queue that its answers were written to, all of a tunnel to the
// one worker that owns the inbound SA, and packets of a flow overtake each other when that changes.

#include <utility>

#include "plane/file_descriptor.hpp"

namespace culvert::plane {

class FlowSteering {
 public:
    // Loads the program; that takes rights (CAP_BPF) which a daemon gives up soon. Without them, or
    // on an old kernel, it is not there.
    static FlowSteering load();

    bool loaded() const { return static_cast<bool>(program_); }
    // 0 or errno.
    int apply(int tun_fd) const;

 private:
    explicit FlowSteering(FileDescriptor program) : program_(std::move(program)) {}
    FileDescriptor program_;
};

}  // namespace culvert::plane
