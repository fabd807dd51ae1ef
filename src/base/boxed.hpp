#pragma once
// As std::optional, on the heap: for what is large and mostly not there, in objects of which there
// are very many.

#include <memory>
#include <optional>
#include <utility>

namespace culvert {

template <class T>
class Boxed {
 public:
    Boxed() = default;
    Boxed(std::nullopt_t) {}  // NOLINT(google-explicit-constructor)
    // As with an optional, so that a value can be put in where one is wanted.
    Boxed(T value)
        : box_(std::make_unique<T>(std::move(value))) {}  // NOLINT(google-explicit-constructor)

    template <class... Arguments>
    T& emplace(Arguments&&... arguments) {
        box_ = std::make_unique<T>(std::forward<Arguments>(arguments)...);
        return *box_;
    }
    void reset() { box_.reset(); }

    bool has_value() const { return box_ != nullptr; }
    explicit operator bool() const { return has_value(); }
    T& operator*() { return *box_; }
    const T& operator*() const { return *box_; }
    T* operator->() { return box_.get(); }
    const T* operator->() const { return box_.get(); }

 private:
    std::unique_ptr<T> box_;
};

}  // namespace culvert
