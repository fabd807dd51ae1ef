#pragma once
// The octets of a TCP stream that carries IKE and ESP (RFC 9329 4, 5): once a prefix from the one
// who opened it, then messages behind a length of 16 bits, which counts itself. What a message is
// kind_of_nat_t() tells: they look as on the NAT-T port.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace culvert::plane {

constexpr std::array<std::uint8_t, 6> stream_prefix{'I', 'K', 'E', 'T', 'C', 'P'};
constexpr std::size_t stream_length_octets = 2;
// Of one message, without its length.
constexpr std::size_t stream_message_max = 65535 - stream_length_octets;

// Adds a message to what is to be sent: `marked` puts the non-ESP marker in front of it. It must
// not be longer than stream_message_max with it.
void append_stream_message(Bytes& out, ByteView message, bool marked);

// What was sent to us, in whatever pieces TCP brings it. Holds one message at most, and no room
// for it before its octets come.
class StreamReader {
 public:
    // With `prefix` it was opened by the peer.
    explicit StreamReader(bool prefix) : prefix_(prefix) {}

    // Where the next octets of the stream go, at least one. Ends what next() gave.
    MutableByteView room();
    void arrived(std::size_t octets);
    // The next whole message without its length; nothing if more has to come, or if it is broken.
    std::optional<MutableByteView> next();

    // A wrong prefix, or a length of 0 or 1 (RFC 9329 4.1): the stream is to be closed.
    const std::optional<Error>& broken() const { return broken_; }
    bool awaits_prefix() const { return prefix_; }
    // Some of a message is there, and the rest is not.
    bool within_message() const { return !prefix_ && begin_ != end_; }

 private:
    bool take_prefix();

    bool prefix_;
    bool filled_ = false;  // the last arrival took all the room
    Bytes buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::optional<Error> broken_;
};

}  // namespace culvert::plane
