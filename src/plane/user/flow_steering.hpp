#pragma once
// Which queue of the TUN a packet comes out of: a hash of its addresses and TCP ports, so that a
// flow stays with one worker, in order, and the flows of one tunnel spread over all. Left to itself
// the kernel sends a flow to the queue that its answers were written to, and these all come from
// the one worker that owns the inbound SA.

#include "plane/file_descriptor.hpp"

namespace culvert::plane {

class FlowSteering {
 public:
    // Loads the program; that takes rights (CAP_BPF) which a daemon gives up soon. Without them, or
    // on an old kernel, it is not there.
    static FlowSteering load();

    // 0 or errno.
    int apply(int tun_fd) const;

 private:
    FlowSteering(FileDescriptor program, int error) : program_(std::move(program)), error_(error) {}
    FileDescriptor program_;
    int error_ = 0;
};

}  // namespace culvert::plane
