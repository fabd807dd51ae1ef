#include "ike/v2/sa_index.hpp"

#include <algorithm>
#include <map>

#include "engine_pair.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ike::v2 {
namespace {

struct SaIndexTest : testing::Test {
    SaIndexTest() : config(std::make_shared<const Config>(gateway_config(1, 2))) {}

    SaCore sa(std::uint64_t spi, std::string_view remote_id) const {
        SaCore out;
        out.connection = ConnectionRef{config, &config->connections.front()};
        out.local_spi = IkeSpi{spi};
        out.remote = {ip("192.0.2.2"), 500};
        out.local_id = identity("g1.example");
        out.remote_id = identity(remote_id);
        return out;
    }
    static std::vector<std::uint64_t> spis(auto&& range) {
        std::vector<std::uint64_t> out;
        for (const IkeSpi spi : range) { out.push_back(spi.value()); }
        std::ranges::sort(out);
        return out;
    }
    auto of(std::string_view remote_id) const {
        return spis(index.with_identities(identity("g1.example"), identity(remote_id)));
    }
    std::shared_ptr<const Config> config;
    SaIndex index;
};

TEST_F(SaIndexTest, FindsThoseThatHaveTheSame) {
    index.file(sa(1, "a.example"));
    index.file(sa(2, "a.example"));
    index.file(sa(3, "b.example"));
    EXPECT_EQ(of("a.example"), (std::vector<std::uint64_t>{1, 2}));
    EXPECT_EQ(of("b.example"), (std::vector<std::uint64_t>{3}));
    EXPECT_TRUE(of("c.example").empty());
    EXPECT_EQ(spis(index.of_connection("gw")).size(), 3U);
    EXPECT_TRUE(spis(index.of_connection("other")).empty());
    EXPECT_EQ(spis(index.at(ip("192.0.2.2"))).size(), 3U);
}

TEST_F(SaIndexTest, FollowsOneThatChanges) {
    SaCore one = sa(1, "a.example");
    index.file(one);
    one.remote_id = identity("b.example");
    one.remote.address = ip("2001:db8::2");
    EXPECT_FALSE(index.is_right_about(one));
    index.file(one);
    EXPECT_TRUE(index.is_right_about(one));
    EXPECT_TRUE(of("a.example").empty());
    EXPECT_EQ(of("b.example").size(), 1U);
    EXPECT_TRUE(spis(index.at(ip("192.0.2.2"))).empty());
    EXPECT_EQ(spis(index.at(ip("2001:db8::2"))).size(), 1U);
}

TEST_F(SaIndexTest, ForgetsOneThatIsGone) {
    index.file(sa(1, "a.example"));
    index.file(sa(2, "a.example"));
    index.remove(IkeSpi{1});
    index.remove(IkeSpi{7});
    EXPECT_EQ(of("a.example"), (std::vector<std::uint64_t>{2}));
    EXPECT_EQ(index.size(), 1U);
}

// Against a plain list, with all that may happen to many.
TEST_F(SaIndexTest, FindsWhatAPlainListFinds) {
    test::SeededRandom random{11};
    std::map<std::uint64_t, SaCore> all;
    for (int step = 0; step < 3000; ++step) {
        const std::uint64_t spi = 1 + random.below(20);
        if (random.below(3) == 0) {
            index.remove(IkeSpi{spi});
            all.erase(spi);
        } else {
            SaCore one = sa(spi, random.below(2) == 0 ? "a.example" : "b.example");
            one.remote.address = ip(random.below(2) == 0 ? "192.0.2.2" : "192.0.2.3");
            index.file(one);
            all.insert_or_assign(spi, std::move(one));
        }
        std::vector<std::uint64_t> with_a;
        std::vector<std::uint64_t> at_3;
        for (const auto& [key, one] : all) {
            if (one.remote_id == identity("a.example")) { with_a.push_back(key); }
            if (one.remote.address == ip("192.0.2.3")) { at_3.push_back(key); }
        }
        ASSERT_EQ(of("a.example"), with_a) << step;
        ASSERT_EQ(spis(index.at(ip("192.0.2.3"))), at_3) << step;
        ASSERT_EQ(spis(index.of_connection("gw")).size(), all.size()) << step;
    }
}

}  // namespace
}  // namespace culvert::ike::v2
