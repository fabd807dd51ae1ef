#pragma once
// A hash table whose copies are snapshots that cost next to nothing, however much is in it: SAD and
// SPD change while workers read what they were before. Not for others.
//
// A directory (snapshot_directory.hpp) of leaves, each of up to a few dozen items. A look-up reads
// the directory, which is small, and nearly always one line of the cache, which has the hashes and
// the addresses of five items.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "ipsec/node_pool.hpp"
#include "ipsec/snapshot_directory.hpp"
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

 public:
    using Key = typename Traits::Key;
    using Item = typename Traits::Item;
    using Owner = typename Traits::Owner;

    std::size_t size() const { return leaves_.size(); }

    // Null when there is none.
    Item* find(const Key& key) const {
        if (leaves_.empty()) { return nullptr; }
        const std::uint32_t hash = Traits::hash(key);
        const Owner* owner = nullptr;
        return leaves_.leaf(hash).find(hash, key, owner);
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
        leaves_.begin();
        for (;;) {
            Leaf& leaf = leaves_.own(hash);
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
        leaves_.grew();
    }

    // False when there was none.
    bool erase(const Key& key) {
        if (find(key) == nullptr) { return false; }
        const std::uint32_t hash = Traits::hash(key);
        leaves_.own(hash).erase(hash, key);
        leaves_.shrank();
        return true;
    }

 private:
    static constexpr std::size_t lines = Traits::lines;
    static constexpr std::size_t line_slots = snapshot_line_slots;
    static constexpr std::size_t slots = lines * line_slots;
    static constexpr std::size_t fill_max = slots * 3 / 4;
    static constexpr unsigned chunk_bits = 8;
    static_assert(lines <= 64);  // bits of the hash that the directory does not look at

    static std::size_t home(std::uint32_t hash) { return hash & (lines - 1); }

    using Line = SnapshotLine<Item>;

    // Open addressing, line by line.
    struct alignas(64) Leaf : SnapshotNode {
        Leaf(NodePool* from, std::uint64_t epoch_now, unsigned bits)
            : SnapshotNode(from, epoch_now), depth(bits), owners(new std::array<Owner, slots>{}) {}
        Leaf(NodePool* from, std::uint64_t epoch_now, const Leaf& other)
            : SnapshotNode(from, epoch_now),
              depth(other.depth),
              count(other.count),
              owners(new std::array<Owner, slots>(*other.owners)),
              extra(other.extra),
              table(other.table) {}

        static constexpr std::size_t small_slab_max = std::size_t{1} << 20U;

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
    // find() in steps, so that memory is fetched for several keys at a time: each asks for what the
    // next one reads.
    struct Spot {
        const NodeRef<Leaf>* entry;
        const Leaf* leaf;
        std::uint32_t hash;
    };
    void begin(const Key& key, Spot& spot) const {
        spot.entry = nullptr;
        if (leaves_.empty()) { return; }
        spot.hash = Traits::hash(key);
        if (spot.hash == 0) { return; }
        spot.entry = &leaves_.entry(spot.hash);
        __builtin_prefetch(spot.entry);
    }
    static void approach(Spot& spot) {
        spot.leaf = spot.entry == nullptr ? nullptr : spot.entry->get();
        if (spot.leaf != nullptr) { __builtin_prefetch(&spot.leaf->table[home(spot.hash)]); }
    }
    void find_together(std::span<const Key> keys, std::span<Item*> found,
                       std::span<Spot> spots) const {
        for (std::size_t i = 0; i < keys.size(); ++i) { begin(keys[i], spots[i]); }
        for (std::size_t i = 0; i < keys.size(); ++i) { approach(spots[i]); }
        std::array<std::uint8_t, 64> late;
        std::size_t late_count = 0;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            found[i] = nullptr;
            const Leaf* leaf = spots[i].leaf;
            if (leaf == nullptr) { continue; }
            const std::size_t at = home(spots[i].hash);
            const Line& line = leaf->table[at];
            const unsigned matching = line.matching(spots[i].hash);
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
            const Spot& spot = spots[late[i]];
            const Owner* owner = nullptr;
            found[late[i]] = spot.leaf->find(spot.hash, keys[late[i]], owner);
        }
    }

    // False where it would not pay.
    bool split(std::uint32_t hash, const Leaf& full) {
        return leaves_.split(hash, [&](Leaf& low, Leaf& high) {
            const auto deal = [&](std::uint32_t tag, const Owner& item) {
                Leaf& leaf = Leaves::in_upper_half(tag, full.depth) ? high : low;
                if (leaf.count < fill_max) {
                    leaf.insert(tag, item);
                } else {
                    leaf.insert_extra(tag, item);
                }
            };
            for (std::size_t i = 0; i < slots; ++i) {
                const Line& line = full.table[i / line_slots];
                if (i % line_slots < line.used) {
                    deal(line.tags[i % line_slots], (*full.owners)[i]);
                }
            }
            for (const auto& [tag, item] : full.extra) { deal(tag, item); }
        });
    }

    using Leaves = SnapshotDirectory<Leaf, chunk_bits>;
    Leaves leaves_;
};

}  // namespace culvert::ipsec
