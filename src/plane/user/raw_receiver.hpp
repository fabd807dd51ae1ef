#pragma once
// Native ESP (protocol 50) and AH (51) that arrive for one worker, both families.

#include <functional>
#include <vector>

#include "base/error.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::plane {

class RawReceiver {
 public:
    // What has an SPI with (SPI & spi_worker_mask) % workers == worker. IPv6 is left out when the
    // host has none. Fails with permission or system.
    // `mark` is that of what we send.
    static Result<RawReceiver> open(unsigned worker, unsigned workers, std::uint32_t mark);

    std::vector<int> descriptors() const;
    // Hands over what arrived on this descriptor; false when it is likely that nothing is left. An
    // IPv4 arrival begins with the IP header, an IPv6 one with ESP or AH.
    bool receive(int fd, ReceiveBuffers& buffers,
                 const std::function<void(const Arrival&)>& take) const;
    // What the network has to say of ESP that we sent; the first worker's sockets hear of it.
    void take_errors(int fd, const std::function<void(const NetworkError&)>& take) const;
    // It brings AH, not ESP.
    bool is_ah(int fd) const;
    // Packets that the kernel dropped because nobody took them in time.
    std::uint64_t overflowed() const;

 private:
    struct Socket {
        FileDescriptor fd;
        IpFamily family;
        bool ah;
    };
    std::vector<Socket> sockets_;
};

}  // namespace culvert::plane
