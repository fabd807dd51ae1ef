#pragma once
// A hash table of rules whose copies are snapshots that cost next to nothing. Not for others than
// the classifier.
//
// As SnapshotTable, but its leaves hold keys and rules themselves, not where they are: a look-up
// reads one line of the cache, where all of them together may not be near. Whether a key that is
// not in its line was pushed on to the next one, a few bits of the line tell nearly always. That a
// table has no such key, as most tables that are asked, a filter tells before anything is read.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ipsec/rule_filter.hpp"
#include "ipsec/rule_slot.hpp"
#include "ipsec/snapshot_directory.hpp"

namespace culvert::ipsec {

// Well mixed. Multilinear: the products do not wait for one another.
template <std::size_t Words>
struct RuleHash {
    static std::uint64_t of(const RuleKey<Words>& key) {
        constexpr std::array<std::uint64_t, 5> factors{0x9e3779b97f4a7c15U, 0xbf58476d1ce4e5b9U,
                                                       0x94d049bb133111ebU, 0xd6e8feb86659fd93U,
                                                       0xa0761d6478bd642fU};
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < Words; ++i) { sum += key[i] * factors[i]; }
        return (sum ^ sum >> 32U) * 0xe7037ed1a0b428dbU;
    }
};

// One owner changes and copies a table; any number may read copies that nobody changes.
template <std::size_t Words, class Hash = RuleHash<Words>>
class RuleTable {
    struct Leaf;
    using Leaves = SnapshotDirectory<Leaf, 6>;

 public:
    using Key = RuleKey<Words>;
    using Slot = RuleSlot<Words>;
    using Pools = typename Leaves::Pools;

    // Several tables may share pools.
    explicit RuleTable(std::shared_ptr<Pools> pools)
        : leaves_(std::move(pools)), filter_(std::make_shared<RuleFilter>(0)) {}

    std::size_t size() const { return leaves_.size(); }

    static std::uint64_t hash_of(const Key& key) { return Hash::of(key); }
    // 0: nothing of this hash; 1: perhaps.
    unsigned may_have(std::uint64_t hash) const { return filter_->may_have(hash); }
    // Asks for what find() reads first. Not of an empty table.
    void approach(std::uint64_t hash) const {
        const Leaf& leaf = leaves_.leaf(directory_part(hash));
        __builtin_prefetch(&leaf.slots[home(hash) * line_slots]);
    }
    // Null when there is none. `hash` is that of the key.
    const Slot* find(const Key& key, std::uint64_t hash) const {
        return leaves_.empty() ? nullptr : leaves_.leaf(directory_part(hash)).find(hash, key);
    }
    const Slot* find(const Key& key) const { return find(key, Hash::of(key)); }

    // Replaces what has this key.
    void put(Slot slot) {
        const Key key = slot.key();
        const std::uint64_t hash = Hash::of(key);
        leaves_.begin();
        for (;;) {
            Leaf& leaf = leaves_.own(directory_part(hash));
            if (const Slot* known = leaf.find(hash, key); known != nullptr) {
                fill(const_cast<Slot&>(*known), std::move(slot));
                return;
            }
            if (leaf.count < fill_max || !split(hash, leaf)) {
                leaf.insert_somewhere(std::move(slot));
                break;
            }
        }
        leaves_.grew();
        note(hash);
    }

    // False when there was none.
    bool erase(const Key& key) {
        if (find(key) == nullptr) { return false; }
        const std::uint64_t hash = Hash::of(key);
        leaves_.own(directory_part(hash)).erase(hash, key);
        leaves_.shrank();
        return true;
    }

 private:
    static constexpr std::size_t lines = 64;
    static constexpr std::size_t line_slots = 64 / sizeof(Slot);
    static constexpr std::size_t slot_count = lines * line_slots;
    static constexpr std::size_t fill_max = slot_count * 3 / 4;

    static std::uint32_t directory_part(std::uint64_t hash) {
        return static_cast<std::uint32_t>(hash >> 32U);
    }
    static std::size_t home(std::uint64_t hash) { return hash >> 32U & (lines - 1); }
    // The first slot of a line has a note of each key that was pushed on from there: one bit of
    // sixteen. They may be too many, never too few.
    static unsigned note_of(std::uint64_t hash) { return hash >> 38U & 15U; }
    static bool noted(const Slot& first, std::uint64_t hash) {
        return (first.notes() >> note_of(hash) & 1U) != 0;
    }
    static void fill(Slot& place, Slot slot) {
        const std::uint16_t notes = place.notes();
        place = std::move(slot);
        place.set_notes(notes);
    }

    // Open addressing, line by line.
    struct alignas(64) Leaf : SnapshotNode {
        Leaf(NodePool* from, std::uint64_t epoch_now, unsigned bits)
            : SnapshotNode(from, epoch_now), depth(bits) {}
        Leaf(NodePool* from, std::uint64_t epoch_now, const Leaf& other)
            : SnapshotNode(from, epoch_now),
              depth(other.depth),
              count(other.count),
              pushed(other.pushed),
              extra(other.extra),
              slots(other.slots) {}

        // A miss reads one line of any leaf, and waits for it: pages count for more here.
        static constexpr std::size_t small_slab_max = std::size_t{1} << 17U;

        std::uint32_t depth;
        std::uint32_t count = 0;  // in `slots`
        bool pushed = false;      // some line has notes
        // What no split could part: too many of almost one hash. Only behind a full leaf.
        std::vector<Slot> extra;
        alignas(64) std::array<Slot, slot_count> slots{};

        const Slot* find(std::uint64_t hash, const Key& key) const {
            const Slot* const line = &slots[home(hash) * line_slots];
            // Which one cannot be guessed: no jump hangs on it.
            std::size_t which = 0;
            bool any = false;
            for (std::size_t i = 0; i < line_slots; ++i) {
                const bool same = line[i].is(key);
                any |= same;
                which |= same ? i : 0;
            }
            if (any) [[likely]] { return line + which; }
            return noted(*line, hash) ? find_beyond(hash, key) : nullptr;
        }
        // Not in its home, which has a note that it may be further on.
        const Slot* find_beyond(std::uint64_t hash, const Key& key) const {
            for (std::size_t n = 1; n < lines; ++n) {
                const std::size_t first = (home(hash) + n) % lines * line_slots;
                for (std::size_t i = first; i < first + line_slots; ++i) {
                    if (slots[i].is(key)) { return &slots[i]; }
                }
                if (!noted(slots[first], hash)) { return nullptr; }
            }
            for (const Slot& slot : extra) {
                if (slot.is(key)) { return &slot; }
            }
            return nullptr;
        }
        template <class Work>
        void for_each(Work&& work) const {
            for (const Slot& slot : slots) {
                if (slot.used()) { work(slot); }
            }
            for (const Slot& slot : extra) { work(slot); }
        }
        void push_on(std::size_t line, std::uint64_t hash) {
            Slot& first = slots[line * line_slots];
            first.set_notes(static_cast<std::uint16_t>(first.notes() | 1U << note_of(hash)));
            pushed = true;
        }
        void insert(std::uint64_t hash, Slot slot) {
            for (std::size_t line = home(hash);; line = (line + 1) % lines) {
                for (std::size_t i = line * line_slots; i < (line + 1) * line_slots; ++i) {
                    if (slots[i].used()) { continue; }
                    fill(slots[i], std::move(slot));
                    ++count;
                    return;
                }
                push_on(line, hash);
            }
        }
        void insert_extra(std::uint64_t hash, Slot slot) {
            for (std::size_t line = 0; line < lines; ++line) { push_on(line, hash); }
            slot.set_notes(0);
            extra.push_back(std::move(slot));
        }
        void insert_somewhere(Slot slot) {
            const std::uint64_t hash = Hash::of(slot.key());
            if (count < fill_max) {
                insert(hash, std::move(slot));
            } else {
                insert_extra(hash, std::move(slot));
            }
        }
        void erase(std::uint64_t hash, const Key& key) {
            const Slot* const found = find(hash, key);
            const auto at = std::find_if(extra.begin(), extra.end(),
                                         [&](const Slot& slot) { return &slot == found; });
            if (at != extra.end()) {
                extra.erase(at);
            } else {
                fill(const_cast<Slot&>(*found), Slot{});
                --count;
            }
            if (pushed) { deal_anew(); }
        }
        // What was pushed on comes home, and notes of what is gone go.
        void deal_anew() {
            std::vector<Slot> all = std::move(extra);
            for (Slot& slot : slots) {
                if (slot.used()) { all.push_back(std::move(slot)); }
                slot = Slot{};
            }
            extra.clear();
            count = 0;
            pushed = false;
            for (Slot& slot : all) { insert_somewhere(std::move(slot)); }
        }
    };

    // For the filter. One that is full of what is gone is made anew as well.
    void note(std::uint64_t hash) {
        if (noted_++ < filter_->room()) { return filter_->add(hash); }
        filter_ = std::make_shared<RuleFilter>(size());
        noted_ = size();
        leaves_.for_each([this](const Leaf& leaf) {
            leaf.for_each([this](const Slot& slot) { filter_->add(Hash::of(slot.key())); });
        });
    }

    // False where it would not pay.
    bool split(std::uint64_t hash, const Leaf& full) {
        return leaves_.split(directory_part(hash), [&full](Leaf& low, Leaf& high) {
            full.for_each([&](const Slot& slot) {
                const std::uint32_t part = directory_part(Hash::of(slot.key()));
                (Leaves::in_upper_half(part, full.depth) ? high : low).insert_somewhere(slot);
            });
        });
    }

    Leaves leaves_;
    // Of all copies so far: what one of them adds does not harm another.
    std::shared_ptr<RuleFilter> filter_;
    std::size_t noted_ = 0;  // keys in it, those that are gone included
};

}  // namespace culvert::ipsec
