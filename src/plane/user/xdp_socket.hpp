#pragma once
// AF_XDP: one receive queue of an interface, with frames of memory that the kernel and we have in
// common. Half of them is for what arrives, the other for what leaves.

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>

#include "base/bytes.hpp"
#include "plane/user/next_hops.hpp"
#include "plane/user/outer_header.hpp"

namespace culvert::plane {

enum class XdpBind : std::uint8_t {
    either,     // zero-copy if the driver can
    zero_copy,  // or EOPNOTSUPP
    copy,
};

class XdpSocket {
 public:
    // Or errno. Takes rights that a daemon gives up: CAP_NET_RAW, and CAP_IPC_LOCK for the memory.
    static std::expected<std::unique_ptr<XdpSocket>, int> open(int interface, unsigned queue,
                                                               std::size_t frame_size,
                                                               XdpBind bind);
    XdpSocket(const XdpSocket&) = delete;
    XdpSocket& operator=(const XdpSocket&) = delete;
    XdpSocket(XdpSocket&&) = delete;
    XdpSocket& operator=(XdpSocket&&) = delete;
    ~XdpSocket();

    // What a received frame may have at most, if frames are of this size.
    static std::size_t received_max(std::size_t frame_size);

    int fd() const;
    bool zero_copy() const;

    // One thread. Hands over at most receive_single_batch_max frames; how many. They are copies of
    // ours, which nobody else can write to (abuse V-08), with ReceiveBuffers::headroom octets in
    // front, and stay until the next call.
    std::size_t receive(const std::function<void(MutableByteView frame)>& take);

    // Any thread. ESP packets of `stride` octets, the last may be shorter, each behind headers: all
    // or none, false when there is no room (for frames that have not left yet).
    bool send(ByteView octets, std::size_t stride, const OuterHeader& header, const NextHop& hop,
              std::uint16_t& identification);
    // Whatever the kernel has not taken when it was told: once in a while.
    void push();

    // What was lost because nobody took it in time.
    std::uint64_t overflowed() const;

 private:
    struct Impl;
    explicit XdpSocket(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::plane
