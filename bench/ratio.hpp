#pragma once
// Two ways of doing the same, measured in turns so that a busy machine slows both: what comes out
// is their ratio. A round is timed as a whole; of all rounds the median counts.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace culvert::bench {

// BENCH_ROUNDS: rounds of each measurement.
inline std::size_t rounds() {
    const char* wanted = std::getenv("BENCH_ROUNDS");
    const int value = wanted == nullptr ? 0 : std::atoi(wanted);
    return value > 0 ? static_cast<std::size_t>(value) : 400;
}

template <class Work>
double nanoseconds(Work&& work) {
    const auto begin = std::chrono::steady_clock::now();
    work();
    const auto end = std::chrono::steady_clock::now();
    return std::chrono::duration<double, std::nano>(end - begin).count();
}

inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

enum class Bound { at_least, at_most };

// One line, and whether the target holds.
inline bool report(const std::string& what, double ratio, Bound bound, double target,
                   const std::string& detail) {
    const bool holds = bound == Bound::at_least ? ratio >= target : ratio <= target;
    std::printf("%-6s %-58s %6.2f (%s %.2f)  %s\n", holds ? "ok" : "NOT OK", what.c_str(), ratio,
                bound == Bound::at_least ? ">=" : "<=", target, detail.c_str());
    return holds;
}

}  // namespace culvert::bench
