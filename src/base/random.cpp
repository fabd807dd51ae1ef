#include "base/random.hpp"

#include <array>
#include <limits>

#include "base/assert.hpp"

namespace culvert {

std::uint64_t Random::u64() {
    std::array<std::uint8_t, 8> octets{};
    fill(octets);
    std::uint64_t value = 0;
    for (const std::uint8_t octet : octets) { value = (value << 8U) | octet; }
    return value;
}

std::uint32_t Random::u32() { return static_cast<std::uint32_t>(u64() >> 32U); }

std::uint64_t Random::below(std::uint64_t bound) {
    ASSERT(bound >= 1);
    // Reject the short last stretch, so that every remainder is equally likely.
    const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() -
                                std::numeric_limits<std::uint64_t>::max() % bound;
    for (;;) {
        const std::uint64_t value = u64();
        if (value < limit) { return value % bound; }
    }
}

Bytes Random::bytes(std::size_t count) {
    Bytes out(count);
    fill(out);
    return out;
}

}  // namespace culvert
