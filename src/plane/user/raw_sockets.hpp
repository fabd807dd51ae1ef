#pragma once
// The way out for native ESP (protocol 50) and AH (51) of both families, and for packets that
// bypass protection. What arrives: raw_receiver.hpp.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::plane {

// A raw socket with our mark. Fails with permission or system; `unsupported` when the host has not
// this family.
Result<FileDescriptor> open_raw(IpFamily family, int protocol, std::uint32_t mark);

class RawSockets {
 public:
    // IPv6 is left out when the host has none. Fails with permission or system.
    static Result<RawSockets> open(std::uint32_t mark);

    // Those with errors from the network.
    std::vector<int> descriptors() const;
    void take_errors(int fd, const std::function<void(const NetworkError&)>& take) const;

    // Any thread; 0 or errno.
    int send_esp(ByteView esp, const IpAddress& local, const IpAddress& remote, bool dont_fragment,
                 const SendOptions& options) const;
    // Packets of options.stride octets, the last may be shorter, in few calls; how many had left in
    // `sent`.
    int send_esp_each(ByteView octets, const IpAddress& local, const IpAddress& remote,
                      bool dont_fragment, const SendOptions& options, std::size_t& sent) const;
    // A whole IP packet, as it is, with our mark: routed by the tables of others.
    int send_clear(ByteView packet, const IpAddress& destination) const;

 private:
    struct Pair {
        FileDescriptor whole;       // sends with DF; has errors of the network
        FileDescriptor fragmented;  // sends what may be fragmented
        FileDescriptor clear;       // sends ready-made packets, AH among them
    };
    static Result<Pair> open_family(IpFamily family, std::uint32_t mark);
    const Pair* of(IpFamily family) const;

    Pair v4_;
    std::optional<Pair> v6_;
};

}  // namespace culvert::plane
