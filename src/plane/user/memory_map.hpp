#pragma once
// Owns what mmap(2) gave.

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <utility>

#include <sys/mman.h>

#include "base/bytes.hpp"

namespace culvert::plane {

class MemoryMap {
 public:
    MemoryMap() = default;
    // Or errno.
    static std::expected<MemoryMap, int> make(std::size_t size, int flags, int fd,
                                              std::uint64_t offset) {
        void* const at =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, fd, static_cast<off_t>(offset));
        if (at == MAP_FAILED) { return std::unexpected(errno); }
        return MemoryMap{static_cast<std::uint8_t*>(at), size};
    }
    MemoryMap(const MemoryMap&) = delete;
    MemoryMap& operator=(const MemoryMap&) = delete;
    MemoryMap(MemoryMap&& other) noexcept
        : at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0)) {}
    MemoryMap& operator=(MemoryMap&& other) noexcept {
        if (this != &other) {
            reset();
            at_ = std::exchange(other.at_, nullptr);
            size_ = std::exchange(other.size_, 0);
        }
        return *this;
    }
    ~MemoryMap() { reset(); }

    MutableByteView octets() const { return {at_, size_}; }
    // What the kernel says lies there.
    template <class T>
    T* as(std::size_t offset) const {
        return reinterpret_cast<T*>(at_ + offset);
    }

 private:
    MemoryMap(std::uint8_t* at, std::size_t size) : at_(at), size_(size) {}
    void reset() {
        if (at_ != nullptr) { ::munmap(std::exchange(at_, nullptr), size_); }
    }
    std::uint8_t* at_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace culvert::plane
