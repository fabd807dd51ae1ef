#include "crypto/iv_counter.hpp"

namespace culvert::crypto {
namespace {

Error ivs_exhausted() {
    return {.code = ErrorCode::exhausted,
            .wanted = "an IV that this key has not used",
            .received = "none is left",
            .remedy = "rekey the SA sooner"};
}

}  // namespace

Result<std::array<std::uint8_t, 8>> IvCounter::take() {
    if (taken_ >= counter_ivs_max) { return std::unexpected(ivs_exhausted()); }
    const std::uint64_t value = first_ ^ taken_++;
    std::array<std::uint8_t, 8> out{};
    for (std::size_t i = 0; i < out.size(); ++i) {
        out.at(i) = static_cast<std::uint8_t>(value >> (56 - 8 * i));
    }
    return out;
}

}  // namespace culvert::crypto
