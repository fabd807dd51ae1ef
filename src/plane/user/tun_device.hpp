#pragma once
// The TUN interface: whole IP packets, or super-packets (IFF_VNET_HDR), one a call.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "ipsec/coalesce.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/user/fast_paths.hpp"

namespace culvert::plane {

// A name that the kernel takes and that needs no quoting anywhere: 1 to 15 of a-z A-Z 0-9 _ . -
bool is_interface_name(std::string_view name);

// What came out of the TUN.
struct TunPacket {
    MutableByteView octets;        // empty: there was nothing
    std::size_t segment_size = 0;  // not 0: a super-packet, see ipsec/segment.hpp
    // A checksum that the kernel left to us, of one packet.
    bool checksum_missing = false;
    std::uint16_t checksum_start = 0;
    std::uint16_t checksum_offset = 0;
};

class TunDevice {
 public:
    // What the kernel agreed to.
    struct Offloads {
        bool header = false;  // packets have a header that tells of checksums and segments
        bool tcp = false;     // super-packets of TCP
        bool udp = false;     // of UDP
    };

    // Makes the interface; it lives until this is destroyed (or the process dies). Fails with
    // no_device, permission, address_in_use, config (the name) or system. Offloads that the kernel
    // has not are left out.
    static Result<TunDevice> open(std::string_view name, const FastPaths& wanted);

    int fd() const { return fd_.get(); }
    int index() const { return index_; }
    const std::string& name() const { return name_; }

    const Offloads& offloads() const { return offloads_; }

    // Into `room`.
    TunPacket read(MutableByteView room) const;
    // 0 or errno.
    int write(ByteView packet) const;
    int write(const ipsec::Coalesced& packet) const;

 private:
    TunDevice(FileDescriptor fd, std::string name, int index, Offloads offloads)
        : fd_(std::move(fd)), name_(std::move(name)), index_(index), offloads_(offloads) {}

    FileDescriptor fd_;
    std::string name_;
    int index_ = 0;
    Offloads offloads_;
};

}  // namespace culvert::plane
