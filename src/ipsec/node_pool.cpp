#include "ipsec/node_pool.hpp"

#include <algorithm>

#include "base/huge_pages.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::size_t blocks_of_first_slab = 4;
class Held {
 public:
    explicit Held(std::atomic_flag& busy) : busy_(busy) {
        while (busy_.test_and_set(std::memory_order_acquire)) {}
    }
    ~Held() { busy_.clear(std::memory_order_release); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    Held(Held&&) = delete;
    Held& operator=(Held&&) = delete;

 private:
    std::atomic_flag& busy_;
};

}  // namespace

NodePool::NodePool(std::size_t size, std::size_t align, std::size_t small_slab_max)
    : size_((std::max(size, sizeof(Free)) + align - 1) & ~(align - 1)),
      align_(align),
      small_slab_max_(small_slab_max),
      next_slab_(size_ * blocks_of_first_slab) {}

NodePool::~NodePool() {
    for (const Slab& slab : slabs_) {
        ::operator delete(slab.memory, std::align_val_t{slab.align});
    }
}

void* NodePool::take() {
    const Held held{busy_};
    if (free_ != nullptr) {
        Free* const block = free_;
        free_ = block->next;
        return block;
    }
    if (static_cast<std::size_t>(fresh_end_ - fresh_) < size_) { add_slab(); }
    std::byte* const block = fresh_;
    fresh_ += size_;
    return block;
}

void NodePool::give_back(void* block) {
    const Held held{busy_};
    free_ = new (block) Free{free_};
}

// Each slab is twice as large as the one before, and at last a huge page.
void NodePool::add_slab() {
    const bool huge = next_slab_ > small_slab_max_;
    const std::size_t size = huge ? huge_page_size : next_slab_;
    const std::size_t align = huge ? huge_page_size : align_;
    slabs_.reserve(slabs_.size() + 1);
    void* const memory = ::operator new(size, std::align_val_t{align});
    if (huge) { prefer_huge_pages(memory, size); }
    slabs_.push_back({memory, align});
    fresh_ = static_cast<std::byte*>(memory);
    fresh_end_ = fresh_ + size;
    if (!huge) { next_slab_ *= 2; }
}

}  // namespace culvert::ipsec
