#pragma once
// Native ESP written to the link (AF_PACKET): past the kernel's IP output, which costs more than
// all else of a packet that has no segmentation offload. Used by one thread.
//
// What leaves so passes no netfilter hook of LOCAL_OUT or POSTROUTING and no XFRM policy; where
// those matter, CULVERT_PLANE_WITHOUT=packet-socket keeps to raw sockets.

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/user/next_hops.hpp"
#include "plane/user/outer_header.hpp"

namespace culvert::plane {

class LinkSender {
 public:
    static Result<LinkSender> open(std::uint32_t mark);

    // ESP packets of `stride` octets, the last may be shorter, behind this header. Returns how many
    // left; the rest are a raw socket's, which also knows how to cut a packet and how to say why it
    // cannot be sent.
    std::size_t send_each(ByteView octets, std::size_t stride, const OuterHeader& header,
                          const NextHop& hop, std::uint16_t& identification) const;

 private:
    explicit LinkSender(FileDescriptor fd) : fd_(std::move(fd)) {}

    FileDescriptor fd_;
};

}  // namespace culvert::plane
