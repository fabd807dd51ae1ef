#pragma once
// A hash table whose copies are snapshots that cost next to nothing, however much is in it: SAD and
// SPD change while workers read what they were before. Not for others.
//
// Extendible hashing: a directory of leaves, found by the top bits of the hash, each of up to a few
// dozen values. Tables share directory and leaves; the first change after a copy makes the changed
// table's own of what it touches (one leaf, and the pieces of the directory above it).

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace culvert::ipsec {

// What several tables may hold.
struct SnapshotNode {
    explicit SnapshotNode(std::uint64_t epoch_now) : epoch(epoch_now) {}
    SnapshotNode(const SnapshotNode& other) : epoch(other.epoch) {}
    SnapshotNode& operator=(const SnapshotNode&) = delete;
    SnapshotNode(SnapshotNode&&) = delete;
    SnapshotNode& operator=(SnapshotNode&&) = delete;
    ~SnapshotNode() = default;

    mutable std::atomic<std::uint32_t> holders{0};
    std::uint64_t epoch;  // of the one table that may change it
};

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
            delete node_;
        }
    }

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

// Traits: Key; Value (default constructible, copied freely); slots (of a leaf, a power of two);
// hash(Key): 32 well mixed bits, never 0; is(Value, Key) for those of one hash.
//
// One owner changes and copies a table; any number may read copies that nobody changes.
template <class Traits>
class SnapshotTable {
 public:
    using Key = typename Traits::Key;
    using Value = typename Traits::Value;

    SnapshotTable() = default;
    // Both go on as owners of nothing that they have so far.
    SnapshotTable(const SnapshotTable& other)
        : top_(other.top_),
          size_(other.size_),
          epoch_(other.epoch_.fetch_add(1, std::memory_order_relaxed) + 1) {}
    SnapshotTable(SnapshotTable&& other) noexcept
        : top_(std::move(other.top_)),
          size_(std::exchange(other.size_, 0)),
          epoch_(other.epoch_.load(std::memory_order_relaxed)) {}
    SnapshotTable& operator=(SnapshotTable other) noexcept {
        top_ = std::move(other.top_);
        size_ = other.size_;
        epoch_.store(other.epoch_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        return *this;
    }
    ~SnapshotTable() = default;

    std::size_t size() const { return size_; }

    // Points into the table; null when there is none.
    const Value* find(const Key& key) const {
        if (!top_) { return nullptr; }
        const std::uint32_t hash = Traits::hash(key);
        return leaf_of(hash)->find(hash, key);
    }
    // find() in two steps, so that memory is fetched for several keys at a time: where to look,
    // which is asked for at once; and the look. A spot holds as long as the table does not change.
    class Spot {
     private:
        friend class SnapshotTable;
        const void* leaf_ = nullptr;
        std::uint32_t hash_ = 0;
    };
    Spot spot_of(const Key& key) const {
        Spot spot;
        if (!top_) { return spot; }
        spot.hash_ = Traits::hash(key);
        const Leaf* leaf = leaf_of(spot.hash_);
        spot.leaf_ = leaf;
        const auto* slot = &leaf->table[home(spot.hash_)];
        __builtin_prefetch(slot);
        if constexpr (sizeof *slot > 64) { __builtin_prefetch(slot + 1); }
        return spot;
    }
    const Value* find(const Spot& spot, const Key& key) const {
        if (spot.leaf_ == nullptr) { return nullptr; }
        return static_cast<const Leaf*>(spot.leaf_)->find(spot.hash_, key);
    }

    // Replaces what has this key.
    void put(const Key& key, Value value) {
        const std::uint32_t hash = Traits::hash(key);
        if (!top_) { top_ = Ref<Top>{new Top{epoch()}}; }
        for (;;) {
            Leaf& leaf = own(hash);
            if (Value* there = leaf.find(hash, key)) {
                *there = std::move(value);
                return;
            }
            if (leaf.count < fill_max) {
                leaf.insert(hash, std::move(value));
                break;
            }
            if (!split(hash, leaf)) {
                leaf.extra.emplace_back(hash, std::move(value));
                break;
            }
        }
        ++size_;
    }

    // False when there was none.
    bool erase(const Key& key) {
        if (find(key) == nullptr) { return false; }
        const std::uint32_t hash = Traits::hash(key);
        own(hash).erase(hash, key);
        if (--size_ == 0) { top_ = {}; }
        return true;
    }

 private:
    template <class Node>
    using Ref = NodeRef<Node>;
    static constexpr std::size_t slots = Traits::slots;
    static constexpr std::size_t fill_max = slots * 3 / 4;
    static constexpr unsigned chunk_bits = 8;
    static constexpr std::size_t chunk_size = std::size_t{1} << chunk_bits;
    static constexpr unsigned depth_max = 26;  // the lowest bits choose the place in the leaf

    static std::size_t home(std::uint32_t hash) { return hash & (slots - 1); }

    // Open addressing.
    struct alignas(64) Leaf : SnapshotNode {
        Leaf(std::uint64_t epoch_now, unsigned bits) : SnapshotNode(epoch_now), depth(bits) {}

        unsigned depth;  // bits of the hash that all in here have in common
        std::size_t count = 0;
        // What no split could part: too many of almost one hash.
        std::vector<std::pair<std::uint32_t, Value>> extra;
        // Hash and value side by side: mostly one line of the cache is all that a look-up needs.
        struct Slot {
            std::uint32_t tag = 0;  // 0: free
            Value value{};
        };
        alignas(64) std::array<Slot, slots> table{};

        std::size_t slot_of(std::uint32_t hash, const Key& key) const {
            std::size_t at = home(hash);
            while (table[at].tag != 0 &&
                   !(table[at].tag == hash && Traits::is(table[at].value, key))) {
                at = (at + 1) & (slots - 1);
            }
            return at;
        }
        const Value* find(std::uint32_t hash, const Key& key) const {
            const Slot& slot = table[slot_of(hash, key)];
            if (slot.tag != 0) { return &slot.value; }
            for (const auto& [tag, value] : extra) {
                if (tag == hash && Traits::is(value, key)) { return &value; }
            }
            return nullptr;
        }
        Value* find(std::uint32_t hash, const Key& key) {
            return const_cast<Value*>(std::as_const(*this).find(hash, key));
        }
        void insert(std::uint32_t hash, Value value) {
            std::size_t at = home(hash);
            while (table[at].tag != 0) { at = (at + 1) & (slots - 1); }
            table[at] = {hash, std::move(value)};
            ++count;
        }
        void erase(std::uint32_t hash, const Key& key) {
            const std::size_t hole = slot_of(hash, key);
            if (table[hole].tag == 0) {
                std::erase_if(extra, [&](const auto& one) {
                    return one.first == hash && Traits::is(one.second, key);
                });
                return;
            }
            close(hole);
            if (extra.empty()) { return; }
            insert(extra.back().first, std::move(extra.back().second));
            extra.pop_back();
        }
        // What was pushed on past the hole comes back to it.
        void close(std::size_t hole) {
            constexpr std::size_t mask = slots - 1;
            for (std::size_t at = (hole + 1) & mask; table[at].tag != 0; at = (at + 1) & mask) {
                if (((at - home(table[at].tag)) & mask) < ((at - hole) & mask)) { continue; }
                table[hole] = std::move(table[at]);
                hole = at;
            }
            table[hole] = {};
            --count;
        }
    };
    struct Chunk : SnapshotNode {
        using SnapshotNode::SnapshotNode;
        std::array<Ref<Leaf>, chunk_size> leaves{};
    };
    struct Top : SnapshotNode {
        explicit Top(std::uint64_t epoch_now) : SnapshotNode(epoch_now) {
            chunks.emplace_back(new Chunk{epoch_now});
            at(0) = Ref<Leaf>{new Leaf{epoch_now, 0}};
        }
        unsigned depth = 0;  // the directory has two to this power of entries
        std::vector<Ref<Chunk>> chunks;

        Ref<Leaf>& at(std::size_t index) {
            return chunks[index >> chunk_bits]->leaves[index & (chunk_size - 1)];
        }
    };

    std::uint64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
    static std::size_t index_of(std::uint32_t hash, unsigned depth) {
        return static_cast<std::size_t>((std::uint64_t{hash} << depth) >> 32U);
    }
    const Leaf* leaf_of(std::uint32_t hash) const {
        return top_->at(index_of(hash, top_->depth)).get();
    }

    template <class Node>
    Node& own(Ref<Node>& node) {
        if (node->epoch != epoch()) {
            node = Ref<Node>{new Node(*node)};
            node->epoch = epoch();
        }
        return *node;
    }
    // The leaf of this hash, ours to change.
    Leaf& own(std::uint32_t hash) {
        Top& top = own(top_);
        const std::size_t index = index_of(hash, top.depth);
        own(top.chunks[index >> chunk_bits]);
        Ref<Leaf> leaf = top.at(index);
        if (leaf->epoch == epoch()) { return *leaf; }
        replace(top, index, leaf->depth, own(leaf), own(leaf));
        return *leaf;
    }
    // All entries of the directory that share the first `depth` bits of `index`: the lower half of
    // them gets `low`, the upper one `high`.
    void replace(Top& top, std::size_t index, unsigned depth, Leaf& low, Leaf& high) {
        const std::size_t count = std::size_t{1} << (top.depth - depth);
        const std::size_t first = index & ~(count - 1);
        const Ref<Leaf> both[2] = {Ref<Leaf>{&low}, Ref<Leaf>{&high}};
        for (std::size_t i = 0; i < count; ++i) {
            own(top.chunks[(first + i) >> chunk_bits]);
            top.at(first + i) = both[i * 2 >= count ? 1 : 0];
        }
    }

    // False where it would not pay.
    bool split(std::uint32_t hash, const Leaf& full) {
        Top& top = *top_;
        if (full.depth == top.depth) {
            // A directory larger than what it leads to: the hashes are too much alike.
            if (top.depth == depth_max || (std::size_t{1} << top.depth) > size_) { return false; }
            widen(top);
        }
        auto* low = new Leaf{epoch(), full.depth + 1};
        auto* high = new Leaf{epoch(), full.depth + 1};
        const Ref<Leaf> halves[2] = {Ref<Leaf>{low}, Ref<Leaf>{high}};
        const auto deal = [&](std::uint32_t tag, const Value& value) {
            Leaf& leaf = *halves[tag >> (31 - full.depth) & 1U];
            if (leaf.count < fill_max) {
                leaf.insert(tag, value);
            } else {
                leaf.extra.emplace_back(tag, value);
            }
        };
        for (const auto& slot : full.table) {
            if (slot.tag != 0) { deal(slot.tag, slot.value); }
        }
        for (const auto& [tag, value] : full.extra) { deal(tag, value); }
        replace(top, index_of(hash, top.depth), full.depth, *low, *high);
        return true;
    }
    void widen(Top& top) {
        std::vector<Ref<Chunk>> chunks;
        const std::size_t entries = std::size_t{1} << top.depth;
        for (std::size_t i = 0; i < entries * 2; ++i) {
            if (i % chunk_size == 0) { chunks.emplace_back(new Chunk{epoch()}); }
            chunks.back()->leaves[i & (chunk_size - 1)] = top.at(i / 2);
        }
        top.chunks = std::move(chunks);
        ++top.depth;
    }

    Ref<Top> top_;
    std::size_t size_ = 0;
    mutable std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace culvert::ipsec
