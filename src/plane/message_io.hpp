#pragma once
// What UDP and raw sockets have in common: ancillary data in and out, batches, the error queue.

#include <cstddef>
#include <cstdint>
#include <functional>

#include <sys/socket.h>

#include "base/error.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::plane {

// setsockopt of an int; errno or 0.
int set_option(int fd, int level, int name, int value);
// The largest buffers that we are allowed to have.
void set_buffers(int fd);
// SO_MARK; without CAP_NET_ADMIN an Error (permission) if it is needed.
Status set_mark(int fd, std::uint32_t mark, bool needed);
// IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_RECVERR or their IPv6 kin.
Status ask_for_addresses(int fd, IpFamily family);
// Arrival::extensions, on a raw socket of IPv6.
void ask_for_extension_headers(int fd);
// DF and EMSGSIZE, or fragmentation.
Status set_path_mtu_discovery(int fd, IpFamily family, bool dont_fragment);

// One recvmmsg. `port` is given to the local endpoints.
Received receive_batch(int fd, std::uint16_t port, ReceiveBuffers& buffers,
                       const std::function<void(const Arrival&)>& take);
// One sendmsg with ancillary data; 0 or errno. An error that an earlier datagram caused is passed
// over once.
int send_message(int fd, IpFamily family, ByteView octets, const Endpoint& local,
                 const Endpoint& remote, const SendOptions& options);
// Datagrams of options.stride octets (the last may be shorter), one message each, in few calls.
// Stops at the first that fails: 0 or errno, and in `sent` how many went before.
int send_messages(int fd, IpFamily family, ByteView octets, const Endpoint& local,
                  const Endpoint& remote, const SendOptions& options, std::size_t& sent);
// What the kernel dropped for want of room in the socket's buffer.
std::uint64_t socket_overflowed(int fd);
void drain_error_queue(int fd, const std::function<void(const NetworkError&)>& take);

}  // namespace culvert::plane
