#pragma once
// Writes wire octets in network order into Bytes that it owns. Lengths that are known only later
// are reserved and patched.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/bytes.hpp"

namespace culvert {

class Writer {
 public:
    void u8(std::uint8_t value) { out_.push_back(value); }
    void u16(std::uint16_t value) { number<2>(value); }
    void u32(std::uint32_t value) { number<4>(value); }
    void u64(std::uint64_t value) { number<8>(value); }
    void bytes(ByteView value) { append(out_, value); }
    void zeros(std::size_t count) { out_.insert(out_.end(), count, 0); }

    // That this many octets are to come: spares the growing.
    void expect(std::size_t octets) { out_.reserve(out_.size() + octets); }

    std::size_t size() const { return out_.size(); }
    ByteView view() const { return out_; }
    // Overwrites earlier octets; `at` + the width must lie within what was written.
    void patch_u8(std::size_t at, std::uint8_t value) { patch(at, value, 1); }
    void patch_u16(std::size_t at, std::uint16_t value) { patch(at, value, 2); }
    void patch_u32(std::size_t at, std::uint32_t value) { patch(at, value, 4); }

    Bytes take() { return std::exchange(out_, {}); }

 private:
    template <std::size_t width>
    void number(std::uint64_t value) {
        std::array<std::uint8_t, width> octets{};
        for (std::size_t i = 0; i < width; ++i) {
            octets[i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
        }
        append(out_, octets);
    }
    void patch(std::size_t at, std::uint64_t value, std::size_t width);

    Bytes out_;
};

}  // namespace culvert
