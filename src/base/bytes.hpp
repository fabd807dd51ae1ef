#pragma once
// Octet strings. What IKE owns is `Bytes`; what is only looked at is a `ByteView`.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;
using MutableByteView = std::span<std::uint8_t>;

// Lower-case hex, no separators.
std::string to_hex(ByteView bytes);

// The reverse; either case. Nothing on an odd length or a character that is no hex digit.
std::optional<Bytes> from_hex(std::string_view text);

// The octets of a text, without terminator.
inline ByteView as_bytes(std::string_view text) {
    // A char may be read as unsigned char; this is the one place that does it.
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline void append(Bytes& out, ByteView more) { out.insert(out.end(), more.begin(), more.end()); }

// Text from a stranger made fit for a log line or a terminal: control characters, backslash and
// octets above 0x7e become \xNN; cut at `length_max` octets of input, with "..." then.
std::string printable(std::string_view text, std::size_t length_max = 256);

}  // namespace culvert
