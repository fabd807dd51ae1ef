#pragma once
// Numbers that must not be mixed up: one type an identifier, no arithmetic.

#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace culvert {

template <class Tag, std::unsigned_integral T>
class Strong {
 public:
    constexpr Strong() = default;
    constexpr explicit Strong(T value) : value_(value) {}
    constexpr T value() const { return value_; }
    friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
    T value_ = 0;
};

}  // namespace culvert

template <class Tag, std::unsigned_integral T>
struct std::hash<culvert::Strong<Tag, T>> {
    std::size_t operator()(culvert::Strong<Tag, T> v) const noexcept {
        return std::hash<T>{}(v.value());
    }
};
