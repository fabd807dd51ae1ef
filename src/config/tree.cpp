#include "config/tree.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "config/node.hpp"

namespace culvert::config {
namespace {

Tree parse(std::string_view text, const std::string& name, bool others_may_read,
           const FileSystem* files) {
    Tree tree;
    Node root;
    parse_into(root, tree, text, name, others_may_read, files);
    resolve_into(tree, root);
    return tree;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto begin = text.find_first_not_of(blanks);
    if (begin == std::string_view::npos) { return {}; }
    return text.substr(begin, text.find_last_not_of(blanks) - begin + 1);
}

}  // namespace

std::string Place::to_string() const {
    if (!file) { return {}; }
    return line == 0 ? *file : fmt::format("{}:{}", *file, line);
}

std::string SyntaxProblem::to_string() const {
    std::string out = place.to_string();
    if (place.column != 0) { out += fmt::format(":{}", place.column); }
    out += fmt::format("{}{}: {}", out.empty() ? "" : ": ", warning ? "warning" : "error", what);
    if (!remedy.empty()) { out += fmt::format(". To fix it: {}", remedy); }
    return out;
}

bool Tree::ok() const { return std::ranges::all_of(problems, &SyntaxProblem::warning); }

Tree parse_file(const std::string& path, const FileSystem& files) {
    const auto file = files.read(path);
    if (file) { return parse(file->text, path, file->others_may_read, &files); }
    Tree tree;
    tree.problems.push_back({.place = {.file = std::make_shared<const std::string>(path)},
                             .what = fmt::format("cannot be read: {}", file.error().received),
                             .remedy = file.error().remedy});
    return tree;
}

Tree parse_text(std::string_view text, const std::string& name, const FileSystem& files) {
    return parse(text, name, false, &files);
}
Tree parse_text(std::string_view text, const std::string& name) {
    return parse(text, name, false, nullptr);
}

vici::List split_list(std::string_view value) {
    vici::List out;
    std::string item;
    bool quoted = false;
    bool was_quoted = false;
    const auto take = [&] {
        const std::string_view text = was_quoted ? std::string_view{item} : trimmed(item);
        if (!text.empty()) { out.emplace_back(text); }
        item.clear();
        was_quoted = false;
    };
    for (const char c : value) {
        if (c == '"') {
            // Blanks before the quote are not the item's.
            if (!quoted && trimmed(item).empty()) { item.clear(); }
            quoted = !quoted;
            was_quoted = true;
        } else if (c == ',' && !quoted) {
            take();
        } else if (!was_quoted || quoted || (c != ' ' && c != '\t')) {
            item += c;
        }
    }
    take();
    return out;
}

}  // namespace culvert::config
