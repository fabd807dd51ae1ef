// Any text as swanctl.conf: syntax, then meaning. What was read must be there again when it is
// written out and read once more.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/assert.hpp"
#include "config/config.hpp"

namespace culvert::config {
namespace {

// Files that an input may include: one that is well, one that includes itself, one that is not.
class Files : public FileSystem {
 public:
    Result<File> read(const std::string& path) const override {
        if (path == "good.conf") { return File{.text = "a = 1\nb { c = 2 }\n"}; }
        if (path == "loop.conf") { return File{.text = "include loop.conf\n"}; }
        if (path == "bad.conf") { return File{.text = "a {{"}; }
        return std::unexpected(Error{.code = ErrorCode::not_found, .received = "no such file"});
    }
    Result<std::vector<std::string>> glob(const std::string& pattern) const override {
        if (pattern == "*") {
            return std::vector<std::string>{"bad.conf", "good.conf", "loop.conf"};
        }
        if (read(pattern)) { return std::vector{pattern}; }
        return std::vector<std::string>{};
    }
};

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') { out += '\\'; }
        out += c;
    }
    return out + "\"";
}

void write(const vici::Section& section, std::string& out) {
    for (const vici::Entry& entry : section.entries) {
        out += quoted(entry.key);
        if (const auto* value = std::get_if<std::string>(&entry.element)) {
            out += " = " + quoted(*value) + "\n";
        } else {
            out += " {\n";
            write(std::get<vici::Section>(entry.element), out);
            out += "}\n";
        }
    }
}

void check_places(const vici::Section& section, const SectionPlaces& places) {
    ASSERT(section.entries.size() == places.entries.size());
    for (std::size_t i = 0; i < section.entries.size(); ++i) {
        ASSERT(places.entries[i].place.line > 0);
        if (const auto* inner = std::get_if<vici::Section>(&section.entries[i].element)) {
            check_places(*inner, places.entries[i].section);
        }
    }
}

void run(std::string_view text) {
    const Tree tree = parse_text(text, "t.conf", Files{});
    check_places(tree.root, tree.places);
    for (const SyntaxProblem& problem : tree.problems) { ASSERT(!problem.to_string().empty()); }
    std::string once;
    write(tree.root, once);
    if (once.size() < 1'000'000) {
        const Tree again = parse_text(once, "t.conf");
        ASSERT(again.problems.empty());
        std::string twice;
        write(again.root, twice);
        ASSERT(once == twice);
    }
    const Loaded loaded = load(tree);
    for (const Problem& problem : loaded.problems) { ASSERT(!problem.to_string().empty()); }
    ASSERT(compare(loaded.config, loaded.config).empty() || !loaded.config.connections.empty() ||
           !loaded.config.secrets.empty());
    lint(loaded.config);
    Loaded settings;
    load_settings(tree, settings);
}

}  // namespace
}  // namespace culvert::config

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t size_max = 16384;  // what grows by references is bounded elsewhere
    if (size <= size_max) { culvert::config::run(culvert::as_text({data, size})); }
    return 0;
}
