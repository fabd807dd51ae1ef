#pragma once
// A hash table whose copies are snapshots that cost next to nothing, however much is in it: SAD and
// SPD change while workers read what they were before. Not for others.
//
// Extendible hashing: a directory of leaves, found by the top bits of the hash, each of up to a few
// dozen items. Tables share directory and leaves; the first change after a copy makes the changed
// table's own of what it touches (one leaf, and the pieces of the directory above it).
//
// A look-up reads the directory, which is small, and nearly always one line of the cache, which has
// the hashes and the addresses of five items.

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "ipsec/node_pool.hpp"
#include "ipsec/snapshot_line.hpp"

namespace culvert::ipsec {

// Traits: Key; Item; Owner (copied freely, keeps what its get() points to, and that does not move);
// lines (of a leaf, a power of two); hash(Key): 32 well mixed bits, never 0; is(Item, Key) for
// those of one hash.
//
// One owner changes and copies a table; any number may read copies that nobody changes.
template <class Traits>
class SnapshotTable {
    struct Leaf;
    struct Pools;

 public:
    using Key = typename Traits::Key;
    using Item = typename Traits::Item;
    using Owner = typename Traits::Owner;

    SnapshotTable() = default;
    // Both go on as owners of nothing that they have so far.
    SnapshotTable(const SnapshotTable& other)
        : pools_(other.pools_),
          top_(other.top_),
          size_(other.size_),
          epoch_(other.epoch_.fetch_add(1, std::memory_order_relaxed) + 1) {}
    SnapshotTable(SnapshotTable&& other) noexcept
        : pools_(other.pools_),
          top_(std::move(other.top_)),
          size_(std::exchange(other.size_, 0)),
          epoch_(other.epoch_.load(std::memory_order_relaxed)) {}
    SnapshotTable& operator=(SnapshotTable other) noexcept {
        // First what lies in the pools, then the pools.
        top_ = std::move(other.top_);
        pools_ = std::move(other.pools_);
        size_ = other.size_;
        epoch_.store(other.epoch_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        return *this;
    }
    ~SnapshotTable() = default;

    std::size_t size() const { return size_; }

    // Null when there is none.
    Item* find(const Key& key) const {
        if (!top_) { return nullptr; }
        const std::uint32_t hash = Traits::hash(key);
        const Owner* owner = nullptr;
        return leaf_of(hash)->find(hash, key, owner);
    }
    // find() in steps, so that memory is fetched for several keys at a time: for all of them
    // begin(), approach(), meet(), then find(). Each asks for what the next one reads. A spot holds
    // as long as the table does not change.
    class Spot {
     private:
        friend class SnapshotTable;
        const NodeRef<Leaf>* entry_;
        const Leaf* leaf_;
        std::uint32_t hash_;
    };
    void begin(const Key& key, Spot& spot) const {
        spot.entry_ = nullptr;
        if (!top_) { return; }
        spot.hash_ = Traits::hash(key);
        if (spot.hash_ == 0) { return; }
        spot.entry_ = &top_->at(index_of(spot.hash_, top_->depth));
        __builtin_prefetch(spot.entry_);
    }
    void approach(Spot& spot) const {
        spot.leaf_ = spot.entry_ == nullptr ? nullptr : spot.entry_->get();
        if (spot.leaf_ != nullptr) { __builtin_prefetch(&spot.leaf_->table[home(spot.hash_)]); }
    }
    // Asks for what find() would compare with the key.
    void meet(const Spot& spot) const {
        if (spot.leaf_ == nullptr) { return; }
        const Line& line = spot.leaf_->table[home(spot.hash_)];
        const unsigned matching = line.matching(spot.hash_);
        if (matching == 0) { return; }
        const auto first = static_cast<std::size_t>(std::countr_zero(matching));
        const auto* item = reinterpret_cast<const std::uint8_t*>(line.items[first]);
        for (std::size_t at = 0; at < sizeof(Item); at += 64) { __builtin_prefetch(item + at); }
    }
    Item* find(const Spot& spot, const Key& key) const {
        if (spot.leaf_ == nullptr) { return nullptr; }
        const Owner* owner = nullptr;
        return spot.leaf_->find(spot.hash_, key, owner);
    }
    // find() for many: found[i] for keys[i]. A key whose hash is 0 is never found.
    void find(std::span<const Key> keys, std::span<Item*> found) const {
        constexpr std::size_t many = 64;
        std::array<Spot, many> spots;
        while (!keys.empty()) {
            const std::size_t count = std::min(keys.size(), many);
            find_together(keys.first(count), found.first(count), spots);
            keys = keys.subspan(count);
            found = found.subspan(count);
        }
    }

    // Replaces what has this key.
    void put(const Key& key, Owner item) {
        const std::uint32_t hash = Traits::hash(key);
        if (!top_) {
            if (!pools_) { pools_ = std::make_shared<Pools>(); }
            top_ = Ref<Top>{make_node<Top>(nullptr, epoch(), *pools_)};
        }
        for (;;) {
            Leaf& leaf = own(hash);
            if (leaf.replace(hash, key, item)) { return; }
            if (leaf.count < fill_max) {
                leaf.insert(hash, std::move(item));
                break;
            }
            if (!split(hash, leaf)) {
                leaf.insert_extra(hash, std::move(item));
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
    static constexpr std::size_t lines = Traits::lines;
    static constexpr std::size_t line_slots = snapshot_line_slots;
    static constexpr std::size_t slots = lines * line_slots;
    static constexpr std::size_t fill_max = slots * 3 / 4;
    static constexpr unsigned chunk_bits = 8;
    static constexpr std::size_t chunk_size = std::size_t{1} << chunk_bits;
    static constexpr unsigned depth_max = 26;  // the lowest bits choose the line in the leaf

    static std::size_t home(std::uint32_t hash) { return hash & (lines - 1); }

    struct Node : PooledNode {
        Node(NodePool* from, std::uint64_t epoch_now) : PooledNode(from), epoch(epoch_now) {}
        std::uint64_t epoch;  // of the one table that may change it
    };

    using Line = SnapshotLine<Item>;

    // Open addressing, line by line.
    struct alignas(64) Leaf : Node {
        Leaf(NodePool* from, std::uint64_t epoch_now, unsigned bits)
            : Node(from, epoch_now), depth(bits), owners(new std::array<Owner, slots>{}) {}
        Leaf(NodePool* from, std::uint64_t epoch_now, const Leaf& other)
            : Node(from, epoch_now),
              depth(other.depth),
              count(other.count),
              owners(new std::array<Owner, slots>(*other.owners)),
              extra(other.extra),
              table(other.table) {}

        std::uint32_t depth;  // bits of the hash that all in here have in common
        std::uint32_t count = 0;
        std::unique_ptr<std::array<Owner, slots>> owners;  // of table's items, slot by slot
        // What no split could part: too many of almost one hash. Only behind a full leaf.
        std::vector<std::pair<std::uint32_t, Owner>> extra;
        std::array<Line, lines> table{};

        Item* find(std::uint32_t hash, const Key& key, const Owner*& owner) const {
            for (std::size_t n = 0; n < lines; ++n) {
                const std::size_t at = (home(hash) + n) & (lines - 1);
                const Line& line = table[at];
                for (unsigned left = line.matching(hash); left != 0; left &= left - 1) {
                    const auto slot = static_cast<std::size_t>(std::countr_zero(left));
                    if (Traits::is(*line.items[slot], key)) {
                        owner = owners.get()->data() + at * line_slots + slot;
                        return line.items[slot];
                    }
                }
                if (line.used < line_slots) {
                    if (!line.more) { return nullptr; }
                    break;
                }
            }
            for (const auto& [tag, item] : extra) {
                if (tag == hash && Traits::is(*item.get(), key)) {
                    owner = &item;
                    return item.get();
                }
            }
            return nullptr;
        }
        bool replace(std::uint32_t hash, const Key& key, Owner& item) {
            const Owner* found = nullptr;
            if (find(hash, key, found) == nullptr) { return false; }
            auto* const owner = const_cast<Owner*>(found);
            const std::size_t slot = slot_of(owner);
            *owner = std::move(item);
            if (slot < slots) { table[slot / line_slots].items[slot % line_slots] = owner->get(); }
            return true;
        }
        void insert(std::uint32_t hash, Owner item) {
            std::size_t at = home(hash);
            while (table[at].used == line_slots) { at = (at + 1) & (lines - 1); }
            Line& line = table[at];
            line.tags[line.used] = hash;
            line.items[line.used] = item.get();
            (*owners)[at * line_slots + line.used] = std::move(item);
            ++line.used;
            ++count;
        }
        void insert_extra(std::uint32_t hash, Owner item) {
            extra.emplace_back(hash, std::move(item));
            for (Line& line : table) { line.more = true; }
        }
        void erase(std::uint32_t hash, const Key& key) {
            const Owner* owner = nullptr;
            find(hash, key, owner);
            const std::size_t slot = slot_of(owner);
            if (slot < slots) {
                take_out(slot);
                if (extra.empty()) { return; }
                insert(extra.back().first, std::move(extra.back().second));
                extra.pop_back();
            } else {
                extra.erase(std::find_if(extra.begin(), extra.end(),
                                         [&](const auto& one) { return &one.second == owner; }));
            }
            for (Line& line : table) { line.more = !extra.empty(); }
        }
        // slots and more: it is in `extra`.
        std::size_t slot_of(const Owner* owner) const {
            const Owner* const first = owners->data();
            const bool inside = !std::less<>{}(owner, first) && std::less<>{}(owner, first + slots);
            return inside ? static_cast<std::size_t>(owner - first) : slots;
        }
        void take_out(std::size_t slot) {
            Line& line = table[slot / line_slots];
            const bool passed = line.used == line_slots;
            const std::size_t last = --line.used;
            Owner& hole = (*owners)[slot];
            Owner& end = (*owners)[slot / line_slots * line_slots + last];
            line.tags[slot % line_slots] = line.tags[last];
            line.items[slot % line_slots] = line.items[last];
            if (&hole != &end) { hole = std::move(end); }
            end = Owner{};
            line.tags[last] = 0;
            line.items[last] = nullptr;
            --count;
            if (passed) { deal_anew(); }
        }
        // What was pushed on past a full line comes home.
        void deal_anew() {
            const auto before = table;
            const auto had = std::exchange(owners, std::make_unique<std::array<Owner, slots>>());
            const bool more = table[0].more;
            table = {};
            count = 0;
            for (std::size_t i = 0; i < slots; ++i) {
                const Line& line = before[i / line_slots];
                if (i % line_slots < line.used) {
                    insert(line.tags[i % line_slots], std::move((*had)[i]));
                }
            }
            for (Line& line : table) { line.more = more; }
        }
    };
    struct Chunk : Node {
        using Node::Node;
        Chunk(NodePool* from, std::uint64_t epoch_now, const Chunk& other)
            : Node(from, epoch_now), leaves(other.leaves) {}
        std::array<Ref<Leaf>, chunk_size> leaves{};
    };
    struct Pools {
        NodePool leaves{sizeof(Leaf), alignof(Leaf)};
        NodePool chunks{sizeof(Chunk), alignof(Chunk)};
    };
    struct Top : Node {
        Top(NodePool* from, std::uint64_t epoch_now, Pools& pools) : Node(from, epoch_now) {
            chunks.emplace_back(make_node<Chunk>(&pools.chunks, epoch_now));
            at(0) = Ref<Leaf>{make_node<Leaf>(&pools.leaves, epoch_now, 0U)};
        }
        Top(NodePool* from, std::uint64_t epoch_now, const Top& other)
            : Node(from, epoch_now), depth(other.depth), chunks(other.chunks) {}
        unsigned depth = 0;  // the directory has two to this power of entries
        std::vector<Ref<Chunk>> chunks;

        Ref<Leaf>& at(std::size_t index) {
            return chunks[index >> chunk_bits]->leaves[index & (chunk_size - 1)];
        }
    };

    void find_together(std::span<const Key> keys, std::span<Item*> found,
                       std::span<Spot> spots) const {
        for (std::size_t i = 0; i < keys.size(); ++i) { begin(keys[i], spots[i]); }
        for (std::size_t i = 0; i < keys.size(); ++i) { approach(spots[i]); }
        std::array<std::uint8_t, 64> late;
        std::size_t late_count = 0;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            found[i] = nullptr;
            const Leaf* leaf = spots[i].leaf_;
            if (leaf == nullptr) { continue; }
            const std::size_t at = home(spots[i].hash_);
            const Line& line = leaf->table[at];
            const unsigned matching = line.matching(spots[i].hash_);
            const auto first = static_cast<std::size_t>(std::countr_zero(matching));
            if (std::has_single_bit(matching) && Traits::is(*line.items[first], keys[i])) {
                found[i] = line.items[first];
            } else if (matching != 0 || line.used == line_slots || line.more) {
                // Not where it should be, which is seldom: the next line has to come first.
                __builtin_prefetch(&leaf->table[(at + 1) & (lines - 1)]);
                late[late_count++] = static_cast<std::uint8_t>(i);
            }
        }
        for (std::size_t i = 0; i < late_count; ++i) {
            found[late[i]] = find(spots[late[i]], keys[late[i]]);
        }
    }

    std::uint64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }
    static std::size_t index_of(std::uint32_t hash, unsigned depth) {
        return static_cast<std::size_t>((std::uint64_t{hash} << depth) >> 32U);
    }
    const Leaf* leaf_of(std::uint32_t hash) const {
        return top_->at(index_of(hash, top_->depth)).get();
    }

    template <class Kind>
    Kind& own(Ref<Kind>& node) {
        if (node->epoch != epoch()) {
            node = Ref<Kind>{make_node<Kind>(node->pool, epoch(), std::as_const(*node))};
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
        const Ref<Leaf> halves[2] = {
            Ref<Leaf>{make_node<Leaf>(&pools_->leaves, epoch(), full.depth + 1)},
            Ref<Leaf>{make_node<Leaf>(&pools_->leaves, epoch(), full.depth + 1)}};
        const auto deal = [&](std::uint32_t tag, const Owner& item) {
            Leaf& leaf = *halves[tag >> (31 - full.depth) & 1U];
            if (leaf.count < fill_max) {
                leaf.insert(tag, item);
            } else {
                leaf.insert_extra(tag, item);
            }
        };
        for (std::size_t i = 0; i < slots; ++i) {
            const Line& line = full.table[i / line_slots];
            if (i % line_slots < line.used) { deal(line.tags[i % line_slots], (*full.owners)[i]); }
        }
        for (const auto& [tag, item] : full.extra) { deal(tag, item); }
        replace(top, index_of(hash, top.depth), full.depth, *halves[0], *halves[1]);
        return true;
    }
    void widen(Top& top) {
        std::vector<Ref<Chunk>> chunks;
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
    Ref<Top> top_;
    std::size_t size_ = 0;
    mutable std::atomic<std::uint64_t> epoch_{1};
};

}  // namespace culvert::ipsec
