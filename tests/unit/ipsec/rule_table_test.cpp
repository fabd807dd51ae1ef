// The table under the SPD's classifier, against a plain map: also where hashes crowd, and where a
// slot leads on to rules that lie elsewhere.

#include "ipsec/rule_table.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

// As many keys as `Alike` have one hash; `Factor` spreads the hashes, or leaves them side by side.
template <std::size_t Words, std::uint64_t Factor, std::uint64_t Alike>
struct Kind {
    static constexpr std::size_t words = Words;
    static std::uint64_t of(const RuleKey<Words>& key) { return (key[0] / Alike + 1) * Factor; }
    using Table = RuleTable<Words, Kind>;
};

template <std::size_t Words>
RuleKey<Words> key_of(std::uint32_t number) {
    RuleKey<Words> key{};
    key.front() = number;
    key.back() = (std::uint64_t{1} << rule_key_bits) - 1 - number;
    return key;
}

using Model = std::map<std::uint32_t, std::vector<std::uint64_t>>;  // serials of each key

template <class Kind>
class RuleTableTest : public ::testing::Test {
 public:
    static constexpr std::uint32_t keys = 1500;
    using Table = typename Kind::Table;
    using Slot = typename Table::Slot;

    // One plain rule, or several in a node.
    void put(Table& table, Model& model, std::uint32_t number, std::uint64_t serial, bool many) {
        std::vector<ClassifierRule> rules{rule(serial)};
        if (many) { rules.push_back(rule(serial + 1)); }
        std::vector<std::uint64_t>& wanted = model[number];
        wanted.clear();
        for (const ClassifierRule& one : rules) { wanted.push_back(one.order.serial); }
        const auto key = key_of<Kind::words>(number);
        if (many) {
            table.put(Slot{key, NodeRef<ClassifierRules>{
                                    make_node<ClassifierRules>(nodes_.get(), std::move(rules))}});
        } else {
            table.put(Slot{key, rules.front()});
        }
    }
    static void expect_same(const Table& table, const Model& model) {
        ASSERT_EQ(table.size(), model.size());
        for (std::uint32_t number = 0; number < keys; ++number) {
            const auto key = key_of<Kind::words>(number);
            const Slot* const found = table.find(key);
            const auto wanted = model.find(number);
            ASSERT_EQ(found != nullptr, wanted != model.end()) << number;
            if (found == nullptr) { continue; }
            // A filter that forgets a key makes a packet miss its policy.
            ASSERT_EQ(table.may_have(Table::hash_of(key)), 1U) << number;
            ASSERT_EQ(found->key(), key);
            ASSERT_EQ(found->many(), wanted->second.size() > 1) << number;
            if (!found->many()) {
                ASSERT_EQ(found->rule().order.serial, wanted->second.front()) << number;
                ASSERT_EQ(found->action(), PolicyAction::protect);
                ASSERT_EQ(found->trap(), found->rule().order.serial % 2 == 0);
                ASSERT_EQ(found->reqid(), ReqId{~0U});
                continue;
            }
            ASSERT_EQ(found->rules().in_order.size(), wanted->second.size());
            ASSERT_EQ(found->rules().in_order.back().order.serial, wanted->second.back());
        }
    }

 protected:
    std::shared_ptr<NodePool> nodes_ =
        std::make_shared<NodePool>(sizeof(ClassifierRules), alignof(ClassifierRules));
    std::shared_ptr<typename Table::Pools> pools_ = std::make_shared<typename Table::Pools>();

 private:
    static ClassifierRule rule(std::uint64_t serial) {
        return {.order = {.priority = 7, .serial = serial},
                .action = PolicyAction::protect,
                .trap = serial % 2 == 0,
                .reqid = ReqId{~0U}};
    }
};

// Well spread; all in one end of the directory; many keys of the very same hash; all of one hash.
using Kinds =
    ::testing::Types<Kind<2, 0x9e3779b97f4a7c15, 1>, Kind<5, 0x9e3779b97f4a7c15, 1>,
                     Kind<2, std::uint64_t{1} << 32U, 1>, Kind<5, std::uint64_t{1} << 32U, 1>,
                     Kind<2, 0x9e3779b97f4a7c15, 300>, Kind<5, 0x9e3779b97f4a7c15, 300>,
                     Kind<2, 0x9e3779b97f4a7c15, 100'000>>;
TYPED_TEST_SUITE(RuleTableTest, Kinds);

TYPED_TEST(RuleTableTest, agrees_with_a_plain_map_and_copies_stay_as_they_were) {
    culvert::test::SeededRandom random{17};
    typename TestFixture::Table table{this->pools_};
    typename TestFixture::Table neighbour{this->pools_};  // of the same pools
    Model model;
    Model of_neighbour;
    for (std::uint32_t i = 0; i < this->keys; i += 3) {
        this->put(neighbour, of_neighbour, i, i, i % 2 == 0);
    }
    std::vector<std::pair<typename TestFixture::Table, Model>> copies;
    constexpr std::uint32_t steps = 8000;
    for (std::uint32_t step = 0; step < steps; ++step) {
        const auto number = static_cast<std::uint32_t>(random.below(this->keys));
        // Fills up, then empties.
        if (random.chance(step < steps / 2 ? 80 : 20)) {
            this->put(table, model, number, step, random.chance(30));
        } else {
            ASSERT_EQ(table.erase(key_of<TypeParam::words>(number)), model.erase(number) == 1);
        }
        if (step % 800 == 0) { copies.emplace_back(table, model); }
        // A copy that goes its own way leaves its origin alone.
        if (step % 2000 == 0) {
            typename TestFixture::Table other = table;
            Model of_other = model;
            for (std::uint32_t i = 0; i < this->keys; i += 7) {
                this->put(other, of_other, i, ~step, i % 3 == 0);
            }
            this->expect_same(other, of_other);
            this->expect_same(table, model);
        }
    }
    this->expect_same(table, model);
    for (const auto& [copy, wanted] : copies) { this->expect_same(copy, wanted); }
    for (std::uint32_t i = 0; i < this->keys; ++i) { table.erase(key_of<TypeParam::words>(i)); }
    this->expect_same(table, {});
    for (const auto& [copy, wanted] : copies) { this->expect_same(copy, wanted); }
    this->expect_same(neighbour, of_neighbour);
}

TEST(RuleFilter, says_no_to_most_keys_that_it_was_not_given_also_after_many_have_come_and_gone) {
    using Table = RuleTable<2>;
    const auto pools = std::make_shared<Table::Pools>();
    Table table{pools};
    const auto key = [](std::uint32_t i) { return RuleKey<2>{10ULL << 56U | i, 0}; };
    constexpr std::uint32_t held = 1000;
    for (std::uint32_t i = 0; i < 50 * held; ++i) {
        table.put({key(i), ClassifierRule{.order = {.priority = 1, .serial = i}}});
        if (i >= held) { ASSERT_TRUE(table.erase(key(i - held))); }
    }
    ASSERT_EQ(table.size(), held);
    std::uint32_t in_vain = 0;
    for (std::uint32_t i = 0; i < 10'000; ++i) {
        in_vain += table.may_have(Table::hash_of(key(100 * held + i)));
    }
    EXPECT_LT(in_vain, 1000U);
}

}  // namespace
}  // namespace culvert::ipsec
