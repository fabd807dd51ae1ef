#include "vici/frame.hpp"

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/reader.hpp"
#include "base/writer.hpp"
#include "vici/limits.hpp"

namespace culvert::vici {
namespace {

constexpr std::size_t length_size = 4;

Error packet_too_large(std::uint32_t length) {
    return {.code = ErrorCode::malformed,
            .wanted = fmt::format("VICI packets of at most {} octets", packet_size_max),
            .received = fmt::format("a length of {}", length),
            .remedy = "check that the other side of the socket speaks VICI"};
}

}  // namespace

Bytes frame(ByteView packet) {
    ASSERT(packet.size() <= packet_size_max);
    Writer out;
    out.u32(static_cast<std::uint32_t>(packet.size()));
    out.bytes(packet);
    return out.take();
}

void FrameReader::feed(ByteView octets) {
    // Moving the rest to the front only when most of the buffer is spent keeps this linear.
    if (at_ > buffer_.size() / 2) {
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
        at_ = 0;
    }
    append(buffer_, octets);
}

Result<std::optional<Bytes>> FrameReader::next() {
    const ByteView held = ByteView{buffer_}.subspan(at_);
    if (held.size() < length_size) { return std::nullopt; }
    const std::uint32_t length = Reader{held}.u32();
    if (length > packet_size_max) { return std::unexpected(packet_too_large(length)); }
    if (held.size() - length_size < length) { return std::nullopt; }
    Bytes packet = to_bytes(held.subspan(length_size, length));
    at_ += length_size + length;
    if (at_ == buffer_.size()) {
        buffer_.clear();
        at_ = 0;
    }
    return packet;
}

}  // namespace culvert::vici
