// Stands in for libFuzzer in every test run: gives each seed of a corpus directory to the target,
// whole, cut at up to 64 lengths, and with one octet changed at as many places.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;
constexpr std::size_t variants_max = 64;

Input read(const std::filesystem::path& path) {
    std::ifstream in{path, std::ios::binary};
    return {std::istreambuf_iterator<char>{in}, std::istreambuf_iterator<char>{}};
}

// A copy of exactly the size, so that a sanitizer sees a read behind its end.
void run(Input input) {
    input.shrink_to_fit();
    LLVMFuzzerTestOneInput(input.data(), input.size());
}

void run_variants(const Input& seed) {
    const std::size_t step = std::max<std::size_t>(1, seed.size() / variants_max);
    for (std::size_t at = 0; at < seed.size(); at += step) {
        run(Input(seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(at)));
        Input changed = seed;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1U << (at % 8)));
        run(std::move(changed));
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s CORPUS_DIRECTORY\n", argv[0]);
        return 2;
    }
    std::vector<std::filesystem::path> seeds;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator{argv[1], error}) {
        if (entry.is_regular_file()) { seeds.push_back(entry.path()); }
    }
    std::ranges::sort(seeds);
    if (seeds.empty()) {
        std::fprintf(stderr, "%s: no seeds there\n", argv[1]);
        return 1;
    }
    for (const auto& path : seeds) {
        // A crash is to be blamed on the last one named.
        std::printf("%s\n", path.filename().c_str());
        std::fflush(stdout);
        const Input seed = read(path);
        run(seed);
        run_variants(seed);
    }
    return 0;
}
