#include "plane/user/state_file.hpp"

#include <array>
#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

namespace culvert::plane {
namespace {

class StateFileTest : public testing::Test {
 protected:
    void SetUp() override {
        std::string name = testing::TempDir() + "culvert-state-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    plane::SetUp example() const {
        return {.tun = "culvert7",
                .tun_is_theirs = true,
                .nft_table = "culvert_culvert7",
                .table = 221,
                .priority = 219,
                .mark = 0x430000,
                .src_valid_mark = 0,
                .namespace_inode = 4026531840};
    }
    std::string folder_;
};

TEST_F(StateFileTest, TheNextOwnerReadsWhatWasLeft) {
    {
        auto state = StateFile::open(folder_ + "/deep/er");
        ASSERT_TRUE(state) << explain(state.error());
        EXPECT_FALSE(state->left_over());
        ASSERT_TRUE(state->write(example()));
    }
    auto next = StateFile::open(folder_ + "/deep/er");
    ASSERT_TRUE(next);
    EXPECT_EQ(next->left_over(), example());
    next->clear();
    EXPECT_FALSE(next->left_over());
}

TEST_F(StateFileTest, ASecondDaemonIsToldWhoHasIt) {
    auto first = StateFile::open(folder_);
    ASSERT_TRUE(first);
    ASSERT_TRUE(first->write(example()));
    const auto second = StateFile::open(folder_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::address_in_use);
    EXPECT_NE(second.error().received.find("pid " + std::to_string(::getpid())), std::string::npos)
        << explain(second.error());
    EXPECT_NE(second.error().remedy.find("--state-dir"), std::string::npos);
}

TEST_F(StateFileTest, ATornFileIsNothing) {
    const std::string text = to_text(example());
    for (std::size_t size = 0; size < text.size(); ++size) {
        EXPECT_FALSE(parse_set_up(text.substr(0, size))) << size;
    }
    EXPECT_EQ(parse_set_up(text), example());
    EXPECT_FALSE(parse_set_up("culvert user plane 1\ntun x\ntable 22x\nend\n"));
    EXPECT_FALSE(parse_set_up("culvert user plane 1\nunheard of\nend\n"));
}

}  // namespace
}  // namespace culvert::plane
