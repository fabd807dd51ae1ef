#pragma once
// The XDP program of an interface that AF_XDP serves, and what it has to know. It takes ESP that is
// ours to open and leaves all else to the kernel: IKE, keep-alives, what is for other hosts,
// fragments (which the kernel puts together), IP options, extension headers, VLANs, AH.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/user/ebpf.hpp"
#include "plane/user/memory_map.hpp"

namespace culvert::plane {

// Shared by the programs of all interfaces, read by them with each packet. Written here through
// memory, which takes no rights that a daemon may have given up.
class XdpTargets {
 public:
    // Takes nothing yet. Fails as ebpf::make_map().
    static Result<XdpTargets> make();

    int map_fd() const { return map_.get(); }
    // Whether ESP is taken at all, and ESP in UDP on which port; 0: none.
    void take(bool wanted, std::uint16_t nat_t_port);
    // The addresses of this host, instead of those before. Some may find no room: what is for them
    // is left to the kernel. Link-local ones always are.
    void set_addresses(std::span<const IpAddress> addresses);

 private:
    XdpTargets(FileDescriptor map, MemoryMap memory)
        : map_(std::move(map)), memory_(std::move(memory)) {}
    FileDescriptor map_;
    MemoryMap memory_;
};

struct XdpProgramOptions {
    int targets_fd = -1;
    int sockets_fd = -1;        // XSKMAP, by receive queue
    std::size_t frame_max = 0;  // larger frames are the kernel's
    // Not where the kernel hands over runs that it has put together (XDP on top of skbs), as
    // nothing tells them from one packet.
    bool udp = true;
};
ebpf::Code xdp_program(const XdpProgramOptions& options);

}  // namespace culvert::plane
