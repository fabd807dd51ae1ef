#pragma once
// One UDP socket on the any-address of one family, with addresses both ways (IP_PKTINFO), TOS,
// errors from the network (IP_RECVERR) and coalesced receive (UDP_GRO) and send (UDP_SEGMENT).
// Sending and receiving may happen in different threads.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/ip.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::plane {

// What arrived: one datagram, or a run of equal ones (the last may be shorter), `stride` octets
// each.
struct Arrival {
    Endpoint local;
    Endpoint remote;
    std::uint8_t traffic_class = 0;
    std::uint8_t hop_limit = 64;
    MutableByteView octets;  // writable: ESP is decrypted in place
    std::size_t stride = 0;
    // Raw sockets of IPv6: so many octets right in front are the packet's extension headers, from
    // the IPv6 header to `octets`, and what the first of them is.
    std::size_t extensions = 0;
    std::uint8_t first_extension = 0;

    // Protocols of their own have no ports.
    bool in_udp() const { return local.port != 0; }
};

// Fields of the outer header that a sender may choose.
struct SendOptions {
    std::optional<std::uint8_t> traffic_class{};
    std::optional<std::uint8_t> hop_limit{};
    // Shorter than the octets: a run of datagrams of this size, the last may be shorter.
    std::size_t stride = 0;
};

// The network's answer to something that we sent.
struct NetworkError {
    Endpoint remote;  // whom we had sent to
    int error_number = 0;
    std::optional<IpAddress> said_by{};       // nothing: our own host
    std::optional<std::uint32_t> path_mtu{};  // with EMSGSIZE
    // What the network quotes of our packet behind its IP and UDP header: of ESP and AH the SPI
    // lies in it. Empty when our own host says it.
    Bytes quoted{};
};

// Reusable memory for receiving; one a thread.
class ReceiveBuffers {
 public:
    // For batches of this many arrivals, at most receive_single_batch_max.
    explicit ReceiveBuffers(std::size_t count);
    ReceiveBuffers();
    // In front of each buffer, for the header that transport mode puts back, extension headers and
    // all.
    static constexpr std::size_t headroom = 256;
    MutableByteView buffer(std::size_t index);
    std::size_t count() const { return count_; }

 private:
    std::size_t count_;
    std::size_t each_;
    std::unique_ptr<std::uint8_t[]> memory_;
};

// What one look at a socket brought.
struct Received {
    std::size_t count = 0;  // 0: nothing, or an error of the network, which the error queue has
    bool more = false;      // it is likely that something is left; epoll tells of it in any case
};

class UdpSocket {
 public:
    struct Options {
        IpFamily family = IpFamily::v4;
        std::uint16_t port = 0;
        std::uint32_t mark = 0;
        bool mark_needed = true;     // without it our packets could loop through the TUN
        bool dont_fragment = false;  // DF set and EMSGSIZE; else fragments leave (IKE)
        bool join = false;           // share the port of a socket that called allow_joining()
        bool coalesce = false;       // UDP_GRO
    };
    // address_in_use, permission or system; `unsupported` when the host has not this family.
    static Result<UdpSocket> open(const Options& options);

    int fd() const { return fd_.get(); }
    IpFamily family() const { return family_; }
    std::uint16_t port() const { return port_; }

    // Lets other sockets of ours have the same port.
    Status allow_joining() const;
    // Once all have joined: which of them gets what arrives, in the order in which they were bound,
    // this one first. What begins with four zero octets (IKE) goes to number `lanes`, the rest to
    // number (SPI & spi_worker_mask) % lanes; what is shorter than that comes here.
    Status steer_arrivals(unsigned lanes) const;
    // Datagrams that the kernel dropped because nobody took them in time.
    std::uint64_t overflowed() const;

    // Receives at most receive_batch_max arrivals and hands over each.
    Received receive(ReceiveBuffers& buffers,
                     const std::function<void(const Arrival&)>& take) const;

    // 0, or errno. A local any-address or one of another family lets routing choose.
    int send(ByteView octets, const Endpoint& local, const Endpoint& remote,
             const SendOptions& options) const;

    // options.stride octets each, without the kernel's cutting: 0, or errno and how many had left.
    int send_each(ByteView octets, const Endpoint& local, const Endpoint& remote,
                  const SendOptions& options, std::size_t& sent) const;
    // The kernel puts what arrives together (UDP_GRO).
    bool coalesces() const;

    // Empties the error queue.
    void take_errors(const std::function<void(const NetworkError&)>& take) const;

 private:
    UdpSocket(FileDescriptor fd, IpFamily family, std::uint16_t port)
        : fd_(std::move(fd)), family_(family), port_(port) {}

    FileDescriptor fd_;
    IpFamily family_ = IpFamily::v4;
    std::uint16_t port_ = 0;
};

}  // namespace culvert::plane
