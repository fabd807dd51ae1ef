#pragma once
// ASSERT states what only a bug of ours can break. It is on in release builds too. Never assert on
// what a peer, a file or a user chose: that is an Error.

namespace culvert {

[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace culvert

#define ASSERT(expression)                                                \
    do {                                                                  \
        if (!(expression)) [[unlikely]] {                                 \
            ::culvert::assertion_failed(#expression, __FILE__, __LINE__); \
        }                                                                 \
    } while (false)
