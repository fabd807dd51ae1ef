#pragma once
// Keys, passwords and what derives from them. Moves; copies only by clone(); wiped on destruction;
// kept in pages that are locked and left out of core dumps. No ==, no formatter: logging one does
// not compile.

#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace culvert {

class Secret {
 public:
    Secret() = default;
    // `size` zero octets, to be filled through write().
    explicit Secret(std::size_t size);
    static Secret copy_of(ByteView octets);

    Secret(const Secret&) = delete;
    Secret& operator=(const Secret&) = delete;
    Secret(Secret&& other) noexcept;
    Secret& operator=(Secret&& other) noexcept;
    ~Secret();

    Secret clone() const { return copy_of(reveal()); }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }

    // The one way in.
    ByteView reveal() const { return {data_, size_}; }
    MutableByteView write() { return {data_, size_}; }

 private:
    std::uint8_t* data_ = nullptr;
    std::size_t size_ = 0;
};

// Equal length and equal octets, in time that depends on the length only. For MACs, AUTH, cookies,
// ICVs.
bool constant_time_equal(ByteView a, ByteView b);

// Overwrites octets in a way that the compiler keeps.
void wipe(MutableByteView octets);

}  // namespace culvert
