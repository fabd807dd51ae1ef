#include "support/vectors.hpp"

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace culvert::test {

std::optional<std::filesystem::path> shared_path(std::string_view relative) {
    // Tests read the environment before any thread of theirs exists.
    const char* const root = std::getenv("CULVERT_SHARED");  // NOLINT(concurrency-mt-unsafe)
    std::filesystem::path path{root == nullptr ? "../shared" : root};
    path /= relative;
    std::error_code error;
    if (!std::filesystem::exists(path, error)) { return std::nullopt; }
    return path;
}

std::optional<Bytes> load_shared_file(std::string_view relative) {
    const auto path = shared_path(relative);
    if (!path) { return std::nullopt; }
    std::ifstream in{*path, std::ios::binary};
    const std::string text{std::istreambuf_iterator<char>{in}, {}};
    return to_bytes(as_bytes(text));
}

std::optional<Json> load_shared_json(std::string_view relative) {
    const auto text = load_shared_file(relative);
    if (!text) { return std::nullopt; }
    Json parsed = Json::parse(*text, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << relative << " is no JSON";
    return parsed;
}

Bytes hex(std::string_view text) {
    auto octets = from_hex(text);
    EXPECT_TRUE(octets) << "no hex: " << text;
    return octets ? std::move(*octets) : Bytes{};
}

Bytes hex(const Json& object, std::string_view key) {
    const auto found = object.find(key);
    const bool text = found != object.end() && found->is_string();
    EXPECT_TRUE(text) << "no text member " << key;
    return text ? hex(found->get_ref<const std::string&>()) : Bytes{};
}

}  // namespace culvert::test
