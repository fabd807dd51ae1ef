#include "base/secret.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <openssl/crypto.h>
#include <sys/mman.h>

#include "base/assert.hpp"

namespace culvert {
namespace {

// Small blocks cut from pages that mlock() and MADV_DONTDUMP hold. One lock a process: secrets are
// made and dropped on the control path only, never a packet.
class LockedPool {
 public:
    std::uint8_t* take(std::size_t size) {
        const std::size_t block_size = block_of(size);
        const std::scoped_lock lock{mutex_};
        if (block_size > largest_block) { return map(block_size); }
        auto& free = free_[block_size / smallest_block];
        if (free.empty()) { refill(block_size, free); }
        std::uint8_t* block = free.back();
        free.pop_back();
        return block;
    }

    void give_back(std::uint8_t* block, std::size_t size) {
        const std::size_t block_size = block_of(size);
        const std::scoped_lock lock{mutex_};
        if (block_size > largest_block) {
            munmap(block, block_size);
            return;
        }
        free_[block_size / smallest_block].push_back(block);
    }

 private:
    static constexpr std::size_t smallest_block = 32;
    static constexpr std::size_t largest_block = 4096;
    static constexpr std::size_t slab_size = std::size_t{1} << 16U;
    // From here on a power of two would waste too much: four sizes between one and the next, each a
    // multiple of what expanded keys are aligned to.
    static constexpr std::size_t quartered_from = 256;

    static std::size_t block_of(std::size_t size) {
        const std::size_t power = std::max(smallest_block, std::bit_ceil(size));
        if (power <= quartered_from || power > largest_block) { return power; }
        const std::size_t step = power / 8;
        return (size + step - 1) / step * step;
    }

    static std::uint8_t* map(std::size_t size) {
        void* const memory =
            mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) { throw std::bad_alloc{}; }
        // Best effort: RLIMIT_MEMLOCK may forbid the lock; the dump flag always holds.
        (void)mlock(memory, size);
        (void)madvise(memory, size, MADV_DONTDUMP);
        return static_cast<std::uint8_t*>(memory);
    }

    static void refill(std::size_t block, std::vector<std::uint8_t*>& free) {
        std::uint8_t* const slab = map(slab_size);
        for (std::size_t at = 0; at + block <= slab_size; at += block) {
            free.push_back(slab + at);
        }
    }

    std::mutex mutex_;
    std::array<std::vector<std::uint8_t*>, largest_block / smallest_block + 1> free_;
};

LockedPool& pool() {
    // Never destroyed: a Secret of static storage may outlive any order of destruction.
    static LockedPool* const the_pool = new LockedPool;
    return *the_pool;
}

}  // namespace

Secret::Secret(std::size_t size) : data_(size == 0 ? nullptr : pool().take(size)), size_(size) {
    std::fill_n(data_, size_, std::uint8_t{0});
}

Secret Secret::copy_of(ByteView octets) {
    Secret out{octets.size()};
    std::ranges::copy(octets, out.data_);
    return out;
}

Secret::Secret(Secret&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

Secret& Secret::operator=(Secret&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

Secret::~Secret() {
    if (data_ == nullptr) { return; }
    wipe(write());
    pool().give_back(data_, size_);
}

bool constant_time_equal(ByteView a, ByteView b) {
    return a.size() == b.size() && (a.empty() || CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
}

void wipe(MutableByteView octets) {
    if (!octets.empty()) { OPENSSL_cleanse(octets.data(), octets.size()); }
}

}  // namespace culvert
