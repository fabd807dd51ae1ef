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
        bool mark = true;      // false: go on without SO_MARK (no TUN, so nothing can loop)
        bool esp = true;       // ESP will be sent from the NAT-T port, with DF where it asks for it
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
    std::vector<int> descriptors() const;
    // Reads the socket of this descriptor; false when nothing was there.
    bool receive(int fd, ReceiveBuffers& buffers, Sink& sink) const;
    void take_errors(int fd, Sink& sink) const;

    // Any thread.
    Status send(const IkeDatagram& datagram) const;
    Status send_keepalive(const Endpoint& local, const Endpoint& remote) const;
    // ESP from the NAT-T port; errno or 0.
    int send_esp(ByteView octets, const Endpoint& local, const Endpoint& remote, bool dont_fragment,
                 const SendOptions& options) const;
    // A run of them, each handed to the kernel by itself; how many had left in `sent`.
    int send_esp_each(ByteView octets, const Endpoint& local, const Endpoint& remote,
                      bool dont_fragment, const SendOptions& options, std::size_t& sent) const;
    // The kernel puts arriving ESP together.
    bool coalesces() const;

 private:
    enum class Role : std::uint8_t {
        ike,       // port 500
        nat_t,     // the NAT-T port: receives all; sends ESP with DF
        nat_t_df0  // the NAT-T port: sends only, with fragmentation allowed
    };
    struct Entry {
        Role role;
        UdpSocket socket;
    };

    Status open_family(const PlaneSettings& settings, const Needs& needs, IpFamily family);
    const UdpSocket* find(Role role, IpFamily family) const;
    const UdpSocket* esp_sender(IpFamily family, bool dont_fragment) const;
    // The socket for what may be fragmented on the way.
    const UdpSocket* sender(bool nat_t, IpFamily family) const;

    std::uint16_t port_ = 0;
    std::uint16_t nat_t_port_ = 0;
    std::vector<Entry> sockets_;
};

}  // namespace culvert::plane
