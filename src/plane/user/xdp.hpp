#pragma once
// AF_XDP for the encrypted side of some interfaces: ESP arrives in rings of ours before the kernel
// looks at it, and leaves by others. For NICs whose driver needs no copies; docs/af-xdp.md.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/ip.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/plane.hpp"
#include "plane/user/xdp_program.hpp"
#include "plane/user/xdp_socket.hpp"

namespace culvert::plane {

Error no_such_interface(std::string_view name);
Error xdp_not_by_driver(std::string_view interface, XdpMode mode, int error_number);
Error xdp_taken(std::string_view interface, std::string_view by);

class Xdp {
 public:
    // Takes nothing from the kernel yet. All that needs rights is done here: a daemon may give them
    // up afterwards. A name that is none is an error; what the host cannot do is one unless the
    // mode is automatic, and else goes to `refused`, one for each interface that is left to the
    // kernel's sockets.
    static Result<Xdp> open(const XdpSettings& settings, std::vector<Error>& refused);

    bool serves_any() const { return !interfaces_.empty(); }
    void begin(std::uint16_t nat_t_port) { targets_.take(true, nat_t_port); }
    // What arrives for other addresses is the kernel's to route. Any one thread.
    void set_addresses(std::span<const IpAddress> addresses) { targets_.set_addresses(addresses); }

    // Those that this worker reads.
    std::vector<XdpSocket*> receivers(unsigned worker, unsigned workers) const;
    // By which it sends on this interface; null: that one has none.
    XdpSocket* sender(int interface, unsigned worker) const;
    // What was not taken in time.
    std::uint64_t overflowed() const;
    // Once in a while.
    void push() const;
    // "AF_XDP on wan (zero-copy, 4 queues)".
    std::string description() const;

 private:
    struct Interface {
        std::string name;
        int index = 0;
        XdpMode mode = XdpMode::automatic;  // what it is at last
        FileDescriptor sockets;             // XSKMAP
        std::vector<std::unique_ptr<XdpSocket>> queues;
        FileDescriptor attached;  // ends the program's use, so the first to go
    };
    explicit Xdp(XdpTargets targets) : targets_(std::move(targets)) {}
    static Result<Interface> open_interface(const std::string& name, int index, XdpMode mode,
                                            int targets_fd);

    XdpTargets targets_;
    std::vector<Interface> interfaces_;
};

}  // namespace culvert::plane
