// Replays a fuzz target's corpus, and some thousand seeded mutations of it. The explorer proper is
// libFuzzer; this holds the ground that it has won, in every test run.

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <vector>

#include <gtest/gtest.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;

std::vector<Bytes> corpus() {
    std::vector<std::filesystem::path> paths;
    for (const auto& file : std::filesystem::directory_iterator{CULVERT_CORPUS}) {
        paths.push_back(file.path());
    }
    std::ranges::sort(paths);
    std::vector<Bytes> out;
    for (const auto& path : paths) {
        std::ifstream in{path, std::ios::binary};
        out.emplace_back(std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{});
    }
    return out;
}

TEST(Corpus, IsReplayed) {
    const auto inputs = corpus();
    ASSERT_GT(inputs.size(), 10U);
    for (const Bytes& input : inputs) { LLVMFuzzerTestOneInput(input.data(), input.size()); }
}

TEST(Corpus, AndMutated) {
    const auto inputs = corpus();
    std::mt19937_64 random{7296};
    const auto below = [&](std::size_t bound) {
        return static_cast<std::size_t>(random() % bound);
    };
    for (int i = 0; i < 4000; ++i) {
        Bytes input = inputs[below(inputs.size())];
        for (std::size_t n = 1 + below(4); n > 0; --n) {
            const std::size_t at = below(input.size() + 1);
            const auto where = input.begin() + static_cast<std::ptrdiff_t>(at);
            switch (below(5)) {
                case 0: input.resize(at); break;
                case 1: input.insert(where, static_cast<std::uint8_t>(random())); break;
                case 2:
                    if (at < input.size()) { input.erase(where); }
                    break;
                case 3:
                    if (at < input.size()) { input[at] ^= static_cast<std::uint8_t>(random()); }
                    break;
                default: {
                    const Bytes& other = inputs[below(inputs.size())];
                    input.insert(
                        where, other.begin(),
                        other.begin() + static_cast<std::ptrdiff_t>(below(other.size() + 1)));
                }
            }
        }
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
}

}  // namespace
