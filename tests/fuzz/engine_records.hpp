#pragma once
// A fuzz input as a list of records: an octet that says what to do, one that serves as its
// argument, two of length, and that many octets.

#include <cstdint>
#include <optional>

#include "base/reader.hpp"

namespace culvert::fuzz {

struct Record {
    std::uint8_t what = 0;
    std::uint8_t argument = 0;
    ByteView octets;
};

// A length beyond the end means "the rest".
inline std::optional<Record> next_record(Reader& in) {
    if (in.left() < 4) { return std::nullopt; }
    Record record{.what = in.u8(), .argument = in.u8(), .octets = {}};
    const std::size_t length = in.u16();
    record.octets = in.bytes(length < in.left() ? length : in.left());
    return record;
}

}  // namespace culvert::fuzz
