#pragma once
// What finds a leaf by a hash, in tables whose copies are snapshots that cost next to nothing,
// however much is in them. Not for others than these tables.
//
// Extendible hashing: the top bits of the hash choose an entry of the directory, several of which
// may lead to one leaf. Copies share directory and leaves; the first change after a copy makes the
// changed one's own of what it touches (one leaf, and the pieces of the directory above it).

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ipsec/node_pool.hpp"

namespace culvert::ipsec {

struct SnapshotNode : PooledNode {
    SnapshotNode(NodePool* from, std::uint64_t epoch_now) : PooledNode(from), epoch(epoch_now) {}
    std::uint64_t epoch;  // of the one table that may change it
};

// Leaf: a SnapshotNode, made of (pool, epoch, depth) and of (pool, epoch, other leaf), with a
// `depth`: the bits of the hash that all in it have in common; its small_slab_max is NodePool's. A
// piece of the directory has two to
// the power of `ChunkBits` entries.
//
// One owner changes and copies a directory; any number may read copies that nobody changes.
template <class Leaf, unsigned ChunkBits>
class SnapshotDirectory {
    struct Chunk;

 public:
    // Where the nodes of one or several directories lie.
    struct Pools {
        NodePool leaves{sizeof(Leaf), alignof(Leaf), Leaf::small_slab_max};
        NodePool chunks{sizeof(Chunk), alignof(Chunk)};
    };
    using Entry = NodeRef<Leaf>;

    SnapshotDirectory() = default;
    explicit SnapshotDirectory(std::shared_ptr<Pools> pools) : pools_(std::move(pools)) {}
    // Both go on as owners of nothing that they have so far.
    SnapshotDirectory(const SnapshotDirectory& other)
        : pools_(other.pools_),
          top_(other.top_),
          size_(other.size_),
          epoch_(other.epoch_.fetch_add(1, std::memory_order_relaxed) + 1) {}
    SnapshotDirectory(SnapshotDirectory&& other) noexcept
        : pools_(other.pools_),
          top_(std::move(other.top_)),
          size_(std::exchange(other.size_, 0)),
          epoch_(other.epoch_.load(std::memory_order_relaxed)) {}
    SnapshotDirectory& operator=(SnapshotDirectory other) noexcept {
        // First what lies in the pools, then the pools.
        top_ = std::move(other.top_);
        pools_ = std::move(other.pools_);
        size_ = other.size_;
        epoch_.store(other.epoch_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        return *this;
    }
    ~SnapshotDirectory() = default;

    // Without any leaf; the other functions want one.
    bool empty() const { return !top_; }
    // With one leaf, as long as it is empty.
    void begin() {
        if (top_) { return; }
        if (!pools_) { pools_ = std::make_shared<Pools>(); }
        top_ = NodeRef<Top>{make_node<Top>(nullptr, epoch(), *pools_)};
    }
    // What all leaves hold. Whoever puts something into one of them, or takes it out, says so here;
    // with the last one the leaves are gone.
    std::size_t size() const { return size_; }
    void grew() { ++size_; }
    void shrank() {
        if (--size_ == 0) { top_ = {}; }
    }

    const Entry& entry(std::uint32_t hash) const { return top_->at(index_of(hash, top_->depth)); }
    const Leaf& leaf(std::uint32_t hash) const { return *entry(hash); }
    template <class Work>
    void for_each(Work&& work) const {
        const std::size_t entries = std::size_t{1} << top_->depth;
        for (std::size_t i = 0; i < entries;) {
            const Leaf& leaf = *top_->at(i);
            work(leaf);
            i += std::size_t{1} << (top_->depth - leaf.depth);
        }
    }
    // The leaf of this hash, ours to change.
    Leaf& own(std::uint32_t hash) {
        Top& top = own(top_);
        const std::size_t index = index_of(hash, top.depth);
        own(top.chunks[index >> ChunkBits]);
        NodeRef<Leaf> leaf = top.at(index);
        if (leaf->epoch == epoch()) { return *leaf; }
        replace(top, index, leaf->depth, own(leaf), own(leaf));
        return *leaf;
    }

    // Two leaves for the full one of this hash, which is ours: deal(low, high) fills them. False
    // where it would not pay.
    template <class Deal>
    bool split(std::uint32_t hash, Deal&& deal) {
        Top& top = *top_;
        const unsigned depth = leaf(hash).depth;
        if (depth == top.depth) {
            // A directory larger than what it leads to: the hashes are too much alike.
            if (top.depth == depth_max || (std::size_t{1} << top.depth) > size_) { return false; }
            widen(top);
        }
        const NodeRef<Leaf> low{make_node<Leaf>(&pools_->leaves, epoch(), depth + 1)};
        const NodeRef<Leaf> high{make_node<Leaf>(&pools_->leaves, epoch(), depth + 1)};
        deal(*low, *high);
        replace(top, index_of(hash, top.depth), depth, *low, *high);
        return true;
    }
    // Of the halves of a leaf, where this hash belongs.
    static bool in_upper_half(std::uint32_t hash, unsigned depth) {
        return (hash >> (31 - depth) & 1U) != 0;
    }

 private:
    static constexpr std::size_t chunk_size = std::size_t{1} << ChunkBits;
    static constexpr unsigned depth_max = 26;  // the lowest bits choose the place in the leaf

    struct Chunk : SnapshotNode {
        using SnapshotNode::SnapshotNode;
        Chunk(NodePool* from, std::uint64_t epoch_now, const Chunk& other)
            : SnapshotNode(from, epoch_now) {
            // Each of them is written to, and waited for, by who counts its holders.
            for (const NodeRef<Leaf>& leaf : other.leaves) {
                if (leaf) { __builtin_prefetch(leaf.get(), 1); }
            }
            leaves = other.leaves;
        }
        std::array<NodeRef<Leaf>, chunk_size> leaves{};
    };
    struct Top : SnapshotNode {
        Top(NodePool* from, std::uint64_t epoch_now, Pools& pools) : SnapshotNode(from, epoch_now) {
            chunks.emplace_back(make_node<Chunk>(&pools.chunks, epoch_now));
            at(0) = NodeRef<Leaf>{make_node<Leaf>(&pools.leaves, epoch_now, 0U)};
        }
        Top(NodePool* from, std::uint64_t epoch_now, const Top& other)
            : SnapshotNode(from, epoch_now), depth(other.depth), chunks(other.chunks) {}
        unsigned depth = 0;  // the directory has two to this power of entries
        std::vector<NodeRef<Chunk>> chunks;

        NodeRef<Leaf>& at(std::size_t index) {
            return chunks[index >> ChunkBits]->leaves[index & (chunk_size - 1)];
        }
    };

    std::uint64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
    static std::size_t index_of(std::uint32_t hash, unsigned depth) {
        return static_cast<std::size_t>((std::uint64_t{hash} << depth) >> 32U);
    }

    template <class Kind>
    Kind& own(NodeRef<Kind>& node) {
        if (node->epoch != epoch()) {
            node = NodeRef<Kind>{make_node<Kind>(node->pool, epoch(), std::as_const(*node))};
        }
        return *node;
    }
    // All entries that share the first `depth` bits of `index`: the lower half of them gets `low`,
    // the upper one `high`.
    void replace(Top& top, std::size_t index, unsigned depth, Leaf& low, Leaf& high) {
        const std::size_t count = std::size_t{1} << (top.depth - depth);
        const std::size_t first = index & ~(count - 1);
        const NodeRef<Leaf> both[2] = {NodeRef<Leaf>{&low}, NodeRef<Leaf>{&high}};
        for (std::size_t i = 0; i < count; ++i) {
            own(top.chunks[(first + i) >> ChunkBits]);
            top.at(first + i) = both[i * 2 >= count ? 1 : 0];
        }
    }
    void widen(Top& top) {
        std::vector<NodeRef<Chunk>> chunks;
        const std::size_t entries = std::size_t{1} << top.depth;
        for (std::size_t i = 0; i < entries * 2; ++i) {
            if (i % chunk_size == 0) {
                chunks.emplace_back(make_node<Chunk>(&pools_->chunks, epoch()));
            }
            chunks.back()->leaves[i & (chunk_size - 1)] = top.at(i / 2);
        }
        top.chunks = std::move(chunks);
        ++top.depth;
    }

    std::shared_ptr<Pools> pools_;  // outlive what top_ leads to
    NodeRef<Top> top_;
    std::size_t size_ = 0;
    mutable std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace culvert::ipsec
