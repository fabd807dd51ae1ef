#pragma once
// Writes wire octets in network order into Bytes that it owns. Lengths that are known only later
// are reserved and patched.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.hpp"

namespace culvert {

class Writer {
 public:
    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::uint16_t value) { number(value, 2); }
    void u32(std::uint32_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    void bytes(ByteView value) { append(out_, value); }
    void zeros(std::size_t count) { out_.insert(out_.end(), count, 0); }

    std::size_t size() const { return out_.size(); }
    ByteView view() const { return out_; }
    // Overwrites earlier octets; `at` + the width must lie within what was written.
    void patch_u8(std::size_t at, std::uint8_t value) { patch(at, value, 1); }
    void patch_u16(std::size_t at, std::uint16_t value) { patch(at, value, 2); }
    void patch_u32(std::size_t at, std::uint32_t value) { patch(at, value, 4); }

    Bytes take() { return std::exchange(out_, {}); }

 private:
    void number(std::uint64_t value, std::size_t width);
    void patch(std::size_t at, std::uint64_t value, std::size_t width);

    Bytes out_;
};

}  // namespace culvert
