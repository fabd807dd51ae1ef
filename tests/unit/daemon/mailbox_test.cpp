#include "daemon/mailbox.hpp"

#include <new>

#include <gtest/gtest.h>

namespace culvert::daemon {
namespace {

TEST(Mailbox, WakesOnceForAllThatWaits) {
    int woken = 0;
    Mailbox box{[&] { ++woken; }};
    box.addresses_changed();
    box.warning({.code = ErrorCode::system});
    EXPECT_EQ(woken, 1);
    EXPECT_EQ(box.take().warnings.size(), 1U);
    box.addresses_changed();
    EXPECT_EQ(woken, 2);
}

TEST(Mailbox, WakesAgainWhenOnceThereWasNoMemoryForIt) {
    int tries = 0;
    Mailbox box{[&] {
        if (++tries == 1) { throw std::bad_alloc{}; }
    }};
    box.expire(ChildSaId{1}, plane::ExpireKind::soft);
    box.expire(ChildSaId{2}, plane::ExpireKind::soft);
    EXPECT_EQ(tries, 2);
    EXPECT_EQ(box.take().inputs.size(), 2U);
}

}  // namespace
}  // namespace culvert::daemon
