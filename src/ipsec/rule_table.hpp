#pragma once
// A hash table of rules whose copies are snapshots that cost next to nothing. Not for others than
// the classifier.
//
// As SnapshotTable, but its leaves hold keys and rules themselves, not where they are: a look-up
// reads one line of the cache, where all of them together may not be near. Whether a key that is
// not in its line was pushed on to the next one, a few bits of the line tell nearly always.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ipsec/rule_slot.hpp"
#include "ipsec/snapshot_directory.hpp"

namespace culvert::ipsec {

// Well mixed. Multilinear: the products do not wait for one another.
template <std::size_t Words>
struct RuleHash {
    static std::uint32_t of(const RuleKey<Words>& key) {
        constexpr std::array<std::uint64_t, 5> factors{0x9e3779b97f4a7c15U, 0xbf58476d1ce4e5b9U,
                                                       0x94d049bb133111ebU, 0xd6e8feb86659fd93U,
                                                       0xa0761d6478bd642fU};
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < Words; ++i) { sum += key[i] * factors[i]; }
        return static_cast<std::uint32_t>((sum ^ sum >> 32U) * 0xe7037ed1a0b428dbU >> 32U);
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
    explicit RuleTable(std::shared_ptr<Pools> pools) : leaves_(std::move(pools)) {}

    std::size_t size() const { return leaves_.size(); }

    // find() in steps, so that memory is fetched for several tables at a time, and what they say is
    // put together before anything hangs on it: which of them has something cannot be guessed.
    struct Spot {
        const Slot* line;
        unsigned note;
    };
    // What look() gives: bits of the slots of the line, and one for where only find() gets.
    static constexpr unsigned line_slots = 64 / sizeof(Slot);
    static constexpr unsigned look_bits = line_slots + 1;

    // Asks for what look() reads; a spot holds as long as the table does not change. Not of an
    // empty table.
    void approach(const Key& key, Spot& spot) const {
        const std::uint32_t hash = Hash::of(key);
        spot.line = leaves_.leaf(hash).slots.data() + home(hash) * line_slots;
        spot.note = note_of(hash);
        __builtin_prefetch(spot.line);
    }
    static unsigned look(const Spot& spot, const Key& key) {
        unsigned out = (spot.line->notes() >> spot.note & 1U) << line_slots;
        for (unsigned i = 0; i < line_slots; ++i) { out |= (spot.line[i].is(key) ? 1U : 0U) << i; }
        return out;
    }
    // Null when there is none.
    const Slot* find(const Key& key) const {
        if (leaves_.empty()) { return nullptr; }
        const std::uint32_t hash = Hash::of(key);
        return leaves_.leaf(hash).find(hash, key);
    }

    // Replaces what has this key.
    void put(Slot slot) {
        const Key key = slot.key();
        const std::uint32_t hash = Hash::of(key);
        leaves_.begin();
        for (;;) {
            Leaf& leaf = leaves_.own(hash);
            if (const Slot* known = leaf.find(hash, key); known != nullptr) {
                fill(const_cast<Slot&>(*known), std::move(slot));
                return;
            }
            if (leaf.count < fill_max) {
                leaf.insert(hash, std::move(slot));
                break;
            }
            if (!split(hash, leaf)) {
                leaf.insert_extra(hash, std::move(slot));
                break;
            }
        }
        leaves_.grew();
    }

    // False when there was none.
    bool erase(const Key& key) {
        if (find(key) == nullptr) { return false; }
        const std::uint32_t hash = Hash::of(key);
        leaves_.own(hash).erase(hash, key);
        leaves_.shrank();
        return true;
    }

 private:
    static constexpr std::size_t lines = 64;
    static constexpr std::size_t slot_count = lines * line_slots;
    static constexpr std::size_t fill_max = slot_count * 3 / 4;

    static std::size_t home(std::uint32_t hash) { return hash & (lines - 1); }
    // The first slot of a line has a note of each key that was pushed on from there: one bit of
    // sixteen. They may be too many, never too few.
    static unsigned note_of(std::uint32_t hash) { return hash / lines & 15U; }
    static bool noted(const Slot& first, std::uint32_t hash) {
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

        std::uint32_t depth;
        std::uint32_t count = 0;  // in `slots`
        bool pushed = false;      // some line has notes
        // What no split could part: too many of almost one hash. Only behind a full leaf.
        std::vector<Slot> extra;
        alignas(64) std::array<Slot, slot_count> slots{};

        const Slot* find(std::uint32_t hash, const Key& key) const {
            const std::size_t first = home(hash) * line_slots;
            for (std::size_t i = first; i < first + line_slots; ++i) {
                if (slots[i].is(key)) { return &slots[i]; }
            }
            return noted(slots[first], hash) ? find_beyond(hash, key) : nullptr;
        }
        // Not in its home, which has a note that it may be further on.
        const Slot* find_beyond(std::uint32_t hash, const Key& key) const {
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
        void push_on(std::size_t line, std::uint32_t hash) {
            Slot& first = slots[line * line_slots];
            first.set_notes(static_cast<std::uint16_t>(first.notes() | 1U << note_of(hash)));
            pushed = true;
        }
        void insert(std::uint32_t hash, Slot slot) {
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
        void insert_extra(std::uint32_t hash, Slot slot) {
            for (std::size_t line = 0; line < lines; ++line) { push_on(line, hash); }
            slot.set_notes(0);
            extra.push_back(std::move(slot));
        }
        void insert_somewhere(Slot slot) {
            const std::uint32_t hash = Hash::of(slot.key());
            if (count < fill_max) {
                insert(hash, std::move(slot));
            } else {
                insert_extra(hash, std::move(slot));
            }
        }
        void erase(std::uint32_t hash, const Key& key) {
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

    // False where it would not pay.
    bool split(std::uint32_t hash, const Leaf& full) {
        return leaves_.split(hash, [&full](Leaf& low, Leaf& high) {
            const auto deal = [&](const Slot& slot) {
                const bool upper = Leaves::in_upper_half(Hash::of(slot.key()), full.depth);
                (upper ? high : low).insert_somewhere(slot);
            };
            for (const Slot& slot : full.slots) {
                if (slot.used()) { deal(slot); }
            }
            for (const Slot& slot : full.extra) { deal(slot); }
        });
    }

    Leaves leaves_;
};

}  // namespace culvert::ipsec
