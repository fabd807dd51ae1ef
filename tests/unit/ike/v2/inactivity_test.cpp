// swanctl's inactivity: the plane says that nobody uses a Child SA, and it ends; its IKE SA stays.

#include <gtest/gtest.h>

#include "engine_pair.hpp"

namespace culvert::ike::v2 {
namespace {

class Inactivity : public testing::Test {
 protected:
    static Config config(unsigned self, unsigned other) {
        Config out = gateway_config(self, other);
        out.connections[0].children[0].inactivity = seconds{30};
        return out;
    }
    std::vector<ChildSaStatus> children(Side& side) {
        const auto all = side.engine().status(pair_.now);
        return all.empty() ? std::vector<ChildSaStatus>{} : all[0].children;
    }
    void unused(Side& side, std::uint32_t id) {
        side.take(side.engine().handle(Expire{.id = ChildSaId{id}, .idle = true}, pair_.now));
    }

    EnginePair pair_{config(1, 2), config(2, 1)};
};

TEST_F(Inactivity, EndsTheChildAndNotTheIkeSa) {
    ASSERT_TRUE(pair_.up(pair_.one)) << pair_.one.errors();
    ASSERT_EQ(pair_.one.all<InstallChild>().size(), 1U);
    EXPECT_EQ(pair_.one.all<InstallChild>()[0]->sa.lifetime.inactivity, seconds{30});
    const auto id = children(pair_.one)[0].unique_id;
    // The plane says so each time it looks: that is one deletion.
    for (int i = 0; i < 3; ++i) { unused(pair_.one, id); }
    EXPECT_EQ(pair_.one.out.size(), 1U);
    pair_.settle();
    EXPECT_TRUE(children(pair_.one).empty());
    EXPECT_TRUE(children(pair_.two).empty());
    EXPECT_EQ(pair_.one.engine().status(pair_.now).size(), 1U);
    EXPECT_EQ(pair_.two.engine().status(pair_.now).size(), 1U);
    EXPECT_EQ(pair_.one.errors() + pair_.two.errors(), "");
    unused(pair_.one, id);  // of one that is gone
    EXPECT_TRUE(pair_.one.out.empty());
    pair_.one.engine().check_invariants();
}

}  // namespace
}  // namespace culvert::ike::v2
