#include "plane/user/send_turns.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

constexpr ChildSaId one_sa{5};
constexpr ChildSaId of_its_line{5 + 64};

// Two who number their packets, encrypt at the same time, and send in the order of the numbers.
TEST(SendTurns, WhoNumbersFirstSendsFirst) {
    SendTurns turns;
    SendTurn first{&turns};
    SendTurn second{&turns};
    first.take(one_sa);
    EXPECT_TRUE(first.numbers(one_sa));
    first.numbered();
    EXPECT_FALSE(first.numbers(one_sa));
    second.take(one_sa);  // does not wait for the first to send
    second.numbered();
    std::vector<int> sent;
    std::thread other{[&] {
        second.wait();
        sent.push_back(2);
        second.end();
    }};
    first.wait();
    sent.push_back(1);
    first.end();
    other.join();
    EXPECT_EQ(sent, (std::vector{1, 2}));
}

TEST(SendTurns, MoreIsNumberedOnlyWhileNobodyElseHas) {
    SendTurns turns;
    SendTurn first{&turns};
    SendTurn second{&turns};
    first.take(one_sa);
    EXPECT_TRUE(first.number_more(one_sa));
    first.numbered();
    EXPECT_TRUE(first.number_more(one_sa));
    EXPECT_FALSE(first.number_more(ChildSaId{6}));
    first.numbered();
    second.take(of_its_line);
    EXPECT_FALSE(first.number_more(one_sa));  // and does not wait
    second.numbered();
    EXPECT_FALSE(first.number_more(one_sa));
    first.end();
    EXPECT_TRUE(second.number_more(of_its_line));
}

TEST(SendTurns, AloneThereIsNothingToWaitFor) {
    SendTurn turn{nullptr};
    EXPECT_TRUE(turn.numbers(one_sa));
    turn.take(one_sa);
    turn.numbered();
    EXPECT_TRUE(turn.number_more(one_sa));
    turn.wait();
    turn.end();
}

// With threads of their own (run it in the tsan build).
TEST(SendTurns, NumbersOfManyWorkersLeaveInOrder) {
    constexpr unsigned rounds = 2000;
    SendTurns turns;
    std::atomic<std::uint64_t> numbers{0};
    std::vector<std::uint64_t> wire;  // guarded by the turns alone
    std::vector<std::thread> workers;
    for (unsigned worker = 0; worker < 4; ++worker) {
        workers.emplace_back([&, worker] {
            SendTurn turn{&turns};
            for (unsigned round = 0; round < rounds; ++round) {
                std::vector<std::uint64_t> run;
                turn.take(one_sa);
                run.push_back(numbers++);
                if ((round + worker) % 3 != 0) { turn.numbered(); }
                if (round % 5 == 0) { std::this_thread::yield(); }
                if (round % 2 == 0 && turn.number_more(one_sa)) { run.push_back(numbers++); }
                turn.wait();
                wire.insert(wire.end(), run.begin(), run.end());
                turn.end();
            }
        });
    }
    for (std::thread& worker : workers) { worker.join(); }
    ASSERT_EQ(wire.size(), numbers.load());
    for (std::uint64_t i = 0; i < wire.size(); ++i) { ASSERT_EQ(wire[i], i); }
}

}  // namespace
}  // namespace culvert::plane
