// The table under SAD and SPD, against plain maps: also where hashes crowd.

#include "ipsec/snapshot_table.hpp"

#include <map>
#include <memory>
#include <numeric>
#include <span>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

struct Entry {
    std::uint32_t key = 0;
    std::uint32_t value = 0;
};

template <std::uint32_t Multiplier, unsigned Shift>
struct Traits {
    using Key = std::uint32_t;
    using Item = const Entry;
    using Owner = std::shared_ptr<const Entry>;
    static constexpr std::size_t lines = 4;
    static std::uint32_t hash(std::uint32_t key) { return (key >> Shift) * Multiplier + 1U; }
    static bool is(const Entry& entry, std::uint32_t key) { return entry.key == key; }
};

template <class Traits>
class SnapshotTableTest : public ::testing::Test {};
// Well spread; all in one end of the directory; many keys of the very same hash.
using Kinds = ::testing::Types<Traits<0x9e3779b1, 0>, Traits<1, 0>, Traits<0x9e3779b1, 6>>;
TYPED_TEST_SUITE(SnapshotTableTest, Kinds);

template <class Table>
void expect_same(const Table& table, const std::map<std::uint32_t, std::uint32_t>& model,
                 std::uint32_t keys) {
    ASSERT_EQ(table.size(), model.size());
    std::vector<std::uint32_t> all(keys);
    std::iota(all.begin(), all.end(), 0U);
    std::vector<const Entry*> together(keys);
    table.find(std::span<const std::uint32_t>{all}, std::span<const Entry*>{together});
    for (std::uint32_t key = 0; key < keys; ++key) {
        const Entry* found = table.find(key);
        const auto wanted = model.find(key);
        ASSERT_EQ(found != nullptr, wanted != model.end()) << key;
        ASSERT_EQ(together[key], found) << key;
        if (found != nullptr) { ASSERT_EQ(found->value, wanted->second) << key; }
    }
}

TYPED_TEST(SnapshotTableTest, agrees_with_a_plain_map_and_copies_stay_as_they_were) {
    constexpr std::uint32_t keys = 3000;
    culvert::test::SeededRandom random{11};
    SnapshotTable<TypeParam> table;
    std::map<std::uint32_t, std::uint32_t> model;
    std::vector<std::pair<SnapshotTable<TypeParam>, std::map<std::uint32_t, std::uint32_t>>> copies;
    for (std::uint32_t step = 0; step < 20'000; ++step) {
        const auto key = static_cast<std::uint32_t>(random.below(keys));
        // Fills up, then empties.
        if (random.chance(step < 12'000 ? 80 : 25)) {
            table.put(key, std::make_shared<const Entry>(Entry{key, step}));
            model[key] = step;
        } else {
            ASSERT_EQ(table.erase(key), model.erase(key) == 1);
        }
        if (step % 1000 == 0) { copies.emplace_back(table, model); }
        // A copy that goes its own way leaves its origin alone.
        if (step % 3000 == 0) {
            SnapshotTable<TypeParam> other = table;
            for (std::uint32_t i = 0; i < keys; i += 7) {
                other.put(i, std::make_shared<const Entry>(Entry{i, ~step}));
            }
            expect_same(table, model, keys);
        }
    }
    expect_same(table, model, keys);
    for (const auto& [copy, wanted] : copies) { expect_same(copy, wanted, keys); }
    for (std::uint32_t key = 0; key < keys; ++key) { table.erase(key); }
    expect_same(table, {}, keys);
    for (const auto& [copy, wanted] : copies) { expect_same(copy, wanted, keys); }
}

}  // namespace
}  // namespace culvert::ipsec
