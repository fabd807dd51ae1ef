#include "base/reader.hpp"

namespace culvert {

void Reader::fail(std::string_view why) {
    if (failed_) { return; }  // the first reason is the one that matters
    failed_ = true;
    why_ = why;
}

ByteView Reader::bytes(std::size_t count) {
    if (count > left()) {
        fail("ends early");
        return {};
    }
    const ByteView out = in_.subspan(at_, count);
    at_ += count;
    return out;
}

std::uint64_t Reader::number(std::size_t count) {
    std::uint64_t value = 0;
    for (const std::uint8_t octet : bytes(count)) { value = (value << 8U) | octet; }
    return value;
}

}  // namespace culvert
