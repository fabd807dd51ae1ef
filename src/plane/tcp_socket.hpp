#pragma once
// TCP sockets for IKE and ESP (RFC 9329): non-blocking, with our mark, without Nagle's delay, and
// with an end to waiting for a peer that is gone.

#include <cstdint>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::plane {

struct TcpOptions {
    std::uint32_t mark = 0;
    bool mark_needed = true;  // without it our packets could loop through the TUN
};

// On the any-address of a family. address_in_use, permission or system; `unsupported` when the host
// has not this family.
Result<FileDescriptor> listen_tcp(IpFamily family, std::uint16_t port, const TcpOptions& options);
// Begins to connect, from a free port; an any-address as `local` lets routing choose. It is there,
// or has failed (socket_error()), when it can be written to.
Result<FileDescriptor> begin_tcp(const IpAddress& local, const Endpoint& remote,
                                 const TcpOptions& options);
// What an accepted one does not inherit.
void prepare_tcp(int fd);
// When it is closed nothing of it stays with us, not even for a while in the kernel.
void reset_tcp(int fd);
int socket_error(int fd);
Endpoint local_end_of(int fd);
Endpoint remote_end_of(int fd);

}  // namespace culvert::plane
