#pragma once
// The TUN interface: whole IP packets, or super-packets (IFF_VNET_HDR), one a call.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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

// What the kernel agreed to.
struct TunOffloads {
    bool header = false;  // packets have a header that tells of checksums and segments
    bool tcp = false;     // super-packets of TCP
    bool udp = false;     // of UDP
};

// One of the interface's queues: a flow's packets all come out of the same. For one thread to read
// and one to write.
class TunQueue {
 public:
    TunQueue(FileDescriptor fd, TunOffloads offloads) : fd_(std::move(fd)), offloads_(offloads) {}

    int fd() const { return fd_.get(); }

    // Into `room`.
    TunPacket read(MutableByteView room) const;
    // 0 or errno.
    int write(ByteView packet) const;
    int write(const ipsec::Coalesced& packet) const;

 private:
    FileDescriptor fd_;
    TunOffloads offloads_;
};

class TunDevice {
 public:
    // Makes the interface; it lives until this is destroyed (or the process dies). Fails with
    // no_device, permission, address_in_use, config (the name) or system. Offloads that the kernel
    // has not are left out. An interface that somebody made beforehand has one queue.
    static Result<TunDevice> open(std::string_view name, const FastPaths& wanted, unsigned queues);

    int index() const { return index_; }
    const std::string& name() const { return name_; }
    const TunOffloads& offloads() const { return offloads_; }

    // Packets that the kernel dropped because nobody took them in time; nothing: it does not say.
    std::optional<std::uint64_t> overflowed() const;

    unsigned queues() const { return static_cast<unsigned>(queues_.size()); }
    const TunQueue& queue(unsigned number) const { return queues_[number]; }
    // Those that one of so many workers reads; none, if there are fewer queues than workers.
    std::vector<const TunQueue*> lanes(unsigned worker, unsigned workers) const {
        std::vector<const TunQueue*> out;
        for (unsigned at = worker; at < queues(); at += workers) { out.push_back(&queues_[at]); }
        return out;
    }

 private:
    TunDevice(std::string name, int index, TunOffloads offloads)
        : name_(std::move(name)), index_(index), offloads_(offloads) {}

    std::string name_;
    int index_ = 0;
    TunOffloads offloads_;
    std::vector<TunQueue> queues_;
};

}  // namespace culvert::plane
