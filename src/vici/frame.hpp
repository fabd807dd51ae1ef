#pragma once
// The transport: a 32-bit length in network order before each packet.

#include <cstddef>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace culvert::vici {

// Puts the length in front; `packet` must not exceed packet_size_max.
Bytes frame(ByteView packet);

// Cuts a stream of octets into packets. A length above packet_size_max is refused when its four
// octets are there, before anything is reserved for it; after that the stream is of no more use.
// No more than one incomplete packet and what was fed behind it is ever held.
class FrameReader {
 public:
    void feed(ByteView octets);
    // The next packet without its length; nothing while it is incomplete.
    Result<std::optional<Bytes>> next();
    // Octets held: fed and not yet taken.
    std::size_t buffered() const { return buffer_.size() - at_; }

 private:
    Bytes buffer_;
    std::size_t at_ = 0;
};

}  // namespace culvert::vici
