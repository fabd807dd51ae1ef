#pragma once
// The TUN interface: whole IP packets, one a call. (Super-packets, IFF_VNET_HDR, would come in
// here: read() would then give a run of packets.)

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "plane/file_descriptor.hpp"

namespace culvert::plane {

// A name that the kernel takes and that needs no quoting anywhere: 1 to 15 of a-z A-Z 0-9 _ . -
bool is_interface_name(std::string_view name);

class TunDevice {
 public:
    // Makes the interface; it lives until this is destroyed (or the process dies). Fails with
    // no_device, permission, address_in_use, config (the name) or system.
    static Result<TunDevice> open(std::string_view name);

    int fd() const { return fd_.get(); }
    int index() const { return index_; }
    const std::string& name() const { return name_; }

    // Octets read into `room`; 0 when there is nothing (now).
    std::size_t read(MutableByteView room) const;
    // 0 or errno.
    int write(ByteView packet) const;

 private:
    TunDevice(FileDescriptor fd, std::string name, int index)
        : fd_(std::move(fd)), name_(std::move(name)), index_(index) {}

    FileDescriptor fd_;
    std::string name_;
    int index_ = 0;
};

}  // namespace culvert::plane
