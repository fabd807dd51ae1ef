#include "ike/v2/deadlines.hpp"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "support/seeded_random.hpp"

namespace culvert::ike::v2 {
namespace {

Instant at(std::uint64_t second) { return Instant{} + std::chrono::seconds(second); }

// The plain way: all of them, looked through each time.
struct Plain {
    std::map<IkeSpi, Instant> all;

    std::optional<Instant> next() const {
        std::optional<Instant> out;
        for (const auto& [spi, when] : all) { out = out ? std::min(*out, when) : when; }
        return out;
    }
    std::vector<IkeSpi> due(Instant now) const {
        std::vector<std::pair<Instant, IkeSpi>> found;
        for (const auto& [spi, when] : all) {
            if (when <= now) { found.emplace_back(when, spi); }
        }
        std::ranges::sort(found);
        std::vector<IkeSpi> out;
        for (const auto& [when, spi] : found) { out.push_back(spi); }
        return out;
    }
};

TEST(DeadlinesTest, SaysWhatAPlainListSays) {
    test::SeededRandom random{7};
    Deadlines ours;
    Plain plain;
    for (std::uint64_t step = 0; step < 20'000; ++step) {
        const IkeSpi spi{1 + random.below(30)};
        if (random.below(4) == 0) {
            ours.set(spi, std::nullopt);
            plain.all.erase(spi);
        } else {
            const Instant when = at(step + random.below(50));
            ours.set(spi, when);
            plain.all.insert_or_assign(spi, when);
        }
        ASSERT_EQ(ours.next(), plain.next()) << step;
        const Instant now = at(step + random.below(60));
        ASSERT_EQ(ours.due(now), plain.due(now)) << step;
        ASSERT_EQ(ours.size(), plain.all.size());
    }
}

TEST(DeadlinesTest, KeepsNothingOfThoseThatAreGone) {
    Deadlines deadlines;
    deadlines.set(IkeSpi{1}, at(1));  // stays in front
    for (std::uint64_t i = 2; i < 10'000; ++i) {
        deadlines.set(IkeSpi{i}, at(28'800));
        deadlines.set(IkeSpi{i}, std::nullopt);
    }
    EXPECT_EQ(deadlines.size(), 1U);
    EXPECT_LE(deadlines.queued(), 100U);
}

}  // namespace
}  // namespace culvert::ike::v2
