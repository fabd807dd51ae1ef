#pragma once
// Reads wire octets in network order. A failure is sticky: after a short read every read gives
// zero, so a parser reads straight down and asks once, in finish(). Believe no value before that.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace culvert {

class Reader {
 public:
    explicit Reader(ByteView in) : in_(in) {}

    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }

    // Exactly `count` octets; an empty view after a short read.
    ByteView bytes(std::size_t count);
    // All that is left.
    ByteView rest() { return bytes(left()); }
    void skip(std::size_t count) { bytes(count); }
    // A reader over exactly the next `count` octets. It fails on its own; a short take fails this
    // one.
    Reader sub(std::size_t count) { return Reader{bytes(count)}; }

    std::size_t left() const { return failed_ ? 0 : in_.size() - at_; }
    bool more() const { return left() > 0; }
    std::size_t position() const { return at_; }

    // Refuses the input with a reason that reads on from "one that ...": "carries no key exchange
    // data".
    void fail(std::string_view why);
    bool failed() const { return failed_; }
    // Why, in the words of malformed(); "ends early" after a short read.
    const std::string& why() const { return why_; }

    // `value` if all went well and nothing is left over; else malformed(what, ...).
    template <class T>
    Result<T> finish(T value, std::string_view what) {
        if (more()) { fail("has octets left over"); }
        return finish_open(std::move(value), what);
    }
    // The same, but what is left belongs to somebody else.
    template <class T>
    Result<T> finish_open(T value, std::string_view what) {
        if (failed_) { return std::unexpected(malformed(what, why_)); }
        return value;
    }

 private:
    std::uint64_t number(std::size_t count);

    ByteView in_;
    std::size_t at_ = 0;
    bool failed_ = false;
    std::string why_;
};

}  // namespace culvert
