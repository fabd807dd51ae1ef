#pragma once
// The UDP sockets of an IKE daemon: port 500 and the NAT-T port, both families. On the NAT-T port
// ESP in UDP travels too (RFC 3948); here they are told apart.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "plane/demultiplex.hpp"
#include "plane/plane.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::plane {

class IkeSockets {
 public:
    struct Needs {
        bool mark = true;  // false: go on without SO_MARK (no TUN, so nothing can loop)
        // Each has a socket of its own for ESP on the NAT-T port; 0: there is no ESP.
        unsigned workers = 0;
        bool coalesce = true;  // take runs of ESP in one piece (UDP_GRO), where the kernel can
    };
    // IPv6 is left out when the host has none. Fails as UdpSocket::open().
    static Result<IkeSockets> open(const PlaneSettings& settings, const Needs& needs);

    std::uint16_t port() const { return port_; }
    std::uint16_t nat_t_port() const { return nat_t_port_; }

    // What arrives on one of the sockets. The views live until the call returns.
    struct Sink {
        std::function<void(IkeDatagram)> ike;
        // A run of ESP packets in UDP, `stride` octets each; everything else was taken out.
        std::function<void(const Arrival&)> esp;
        std::function<void(const NetworkError&)> error;
        std::uint64_t keep_alives = 0;
        std::uint64_t junk = 0;
    };
    // Those for IKE.
    std::vector<int> descriptors() const;
    // A worker's, for ESP; the kernel brings here what has its SPI (UdpSocket::steer_arrivals()),
    // and now and then something else that it had put together with that.
    std::vector<int> descriptors(unsigned worker) const;
    // Reads the socket of this descriptor.
    Received receive(int fd, ReceiveBuffers& buffers, Sink& sink) const;
    void take_errors(int fd, Sink& sink) const;

    // Any thread.
    Status send(const IkeDatagram& datagram) const;
    Status send_keepalive(const Endpoint& local, const Endpoint& remote) const;
    // ESP from the NAT-T port, where there are workers: the socket to send from, null without one
    // of this family. With DF (and EMSGSIZE) the worker's own, else one that all share.
    const UdpSocket* esp_sender(unsigned worker, IpFamily family, bool dont_fragment) const;
    // The kernel puts arriving ESP together.
    bool coalesces() const;
    // Datagrams that the kernel dropped because we did not take them in time.
    std::uint64_t ike_overflowed() const;
    std::uint64_t esp_overflowed() const;

 private:
    enum class Role : std::uint8_t {
        ike,    // port 500
        nat_t,  // the NAT-T port: IKE; what is sent may be fragmented
        esp     // the NAT-T port: a worker's; sends with DF
    };
    struct Entry {
        Role role;
        unsigned worker;  // of Role::esp
        UdpSocket socket;
    };

    Status open_family(const PlaneSettings& settings, const Needs& needs, IpFamily family);
    Status open_nat_t(UdpSocket::Options options, unsigned workers);
    const UdpSocket* find(Role role, IpFamily family, unsigned worker = 0) const;
    std::uint64_t overflowed(bool esp) const;

    std::uint16_t port_ = 0;
    std::uint16_t nat_t_port_ = 0;
    std::vector<Entry> sockets_;
};

}  // namespace culvert::plane
