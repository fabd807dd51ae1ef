#pragma once
// Memory for the nodes of one table: blocks of one size, close together, in huge pages where there
// are many. Scattered over the heap, each node would lie in a page of its own, and finding the page
// would cost more than reading the node.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <utility>
#include <vector>

namespace culvert::ipsec {

class NodePool {
 public:
    // Blocks of `size` octets, which begin at multiples of `align`, a power of two. They are taken
    // from the system in pieces, each twice as large as the one before; whoever has come to
    // `small_slab_max` will want more, and gets huge pages from then on. Below that a huge page
    // would be mostly empty, and memory all the same.
    NodePool(std::size_t size, std::size_t align,
             std::size_t small_slab_max = std::size_t{1} << 20U);
    NodePool(const NodePool&) = delete;
    NodePool& operator=(const NodePool&) = delete;
    NodePool(NodePool&&) = delete;
    NodePool& operator=(NodePool&&) = delete;
    ~NodePool();

    // From any thread; held for a few instructions each. Memory goes back to the system with the
    // pool.
    void* take();
    void give_back(void* block);

 private:
    struct Free {
        Free* next;
    };
    struct Slab {
        void* memory;
        std::size_t align;
    };
    void add_slab();

    std::size_t size_;
    std::size_t align_;
    std::size_t small_slab_max_;
    std::size_t next_slab_;
    std::vector<Slab> slabs_;
    std::byte* fresh_ = nullptr;  // of the newest slab, what was never taken
    std::byte* fresh_end_ = nullptr;
    Free* free_ = nullptr;
    // Whoever drops the last snapshot of a node gives it back: a worker meets the owner here.
    std::atomic_flag busy_{};
};

// What several holders may have. Its memory is the pool's, which outlives it, or the heap's.
struct PooledNode {
    explicit PooledNode(NodePool* from) : pool(from) {}
    PooledNode(const PooledNode&) = delete;
    PooledNode& operator=(const PooledNode&) = delete;
    PooledNode(PooledNode&&) = delete;
    PooledNode& operator=(PooledNode&&) = delete;
    ~PooledNode() = default;

    mutable std::atomic<std::uint32_t> holders{0};
    NodePool* pool;
};

template <class Node, class... Arguments>
Node* make_node(NodePool* pool, Arguments&&... arguments) {
    void* const memory = pool == nullptr
                             ? ::operator new(sizeof(Node), std::align_val_t{alignof(Node)})
                             : pool->take();
    return new (memory) Node(pool, std::forward<Arguments>(arguments)...);
}

template <class Node>
void drop_node(Node* node) {
    NodePool* const pool = node->pool;
    node->~Node();
    if (pool == nullptr) {
        ::operator delete(node, std::align_val_t{alignof(Node)});
    } else {
        pool->give_back(node);
    }
}

// As std::shared_ptr, in half the room: directories are made of these.
template <class Node>
class NodeRef {
 public:
    NodeRef() = default;
    explicit NodeRef(Node* node) : node_(node) { hold(); }
    NodeRef(const NodeRef& other) : node_(other.node_) { hold(); }
    NodeRef(NodeRef&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    NodeRef& operator=(NodeRef other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~NodeRef() {
        if (node_ != nullptr && node_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) {
            drop_node(node_);
        }
    }

    // Takes over what release() let go of, held as it is.
    static NodeRef adopt(Node* node) {
        NodeRef out;
        out.node_ = node;
        return out;
    }
    Node* release() { return std::exchange(node_, nullptr); }

    Node* get() const { return node_; }
    Node* operator->() const { return node_; }
    Node& operator*() const { return *node_; }
    explicit operator bool() const { return node_ != nullptr; }

 private:
    void hold() const {
        if (node_ != nullptr) { node_->holders.fetch_add(1, std::memory_order_relaxed); }
    }
    Node* node_ = nullptr;
};

}  // namespace culvert::ipsec
