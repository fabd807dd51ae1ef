#include "base/writer.hpp"

#include "base/assert.hpp"

namespace culvert {

void Writer::patch(std::size_t at, std::uint64_t value, std::size_t width) {
    ASSERT(width <= out_.size() && at <= out_.size() - width);
    for (std::size_t i = 0; i < width; ++i) {
        out_[at + i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
    }
}

}  // namespace culvert
