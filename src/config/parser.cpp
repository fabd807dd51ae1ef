// Text to nodes. One parser a file; what they share is in Parsing.

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "config/cursor.hpp"
#include "config/limits.hpp"
#include "config/node.hpp"
#include "config/sections.hpp"
#include "config/syntax_problems.hpp"

namespace culvert::config {
namespace {

// ---- what the parsers of all files share

struct Parsing {
    Tree& tree;
    const FileSystem* files;  // null: includes are refused
    struct Open {
        std::string path;
        std::string identity;
    };
    std::vector<Open> open;  // the chain of includes
    std::size_t entries = 0;
    std::size_t text_size = 0;
    unsigned blocks = 0;

    void file(Node& into, std::size_t depth, std::string_view text, const std::string& name,
              bool others_may_read);
};

class Parser {
 public:
    Parser(Parsing& all, std::string_view text, std::shared_ptr<const std::string> file)
        : all_(all), in_(text, std::move(file)) {}

    // The file as a whole, into the section that includes it.
    void run(Node& into, std::size_t depth) { block(into, depth, {}, {}); }

 private:
    bool fail(SyntaxProblem problem) {
        if (problem.place.line == secret_line_) { problem = unexpected_behind_secret(in_); }
        all_.tree.problems.push_back(std::move(problem));
        return false;
    }
    void warn(SyntaxProblem problem) {
        if (all_.tree.problems.size() < problems_max) {
            all_.tree.problems.push_back(std::move(problem));
        }
    }

    // A file that is not there hides nothing that stands behind it.
    bool go_without(Node& into, SyntaxProblem problem) {
        problem.apart = true;
        into.incomplete = true;
        warn(std::move(problem));
        return true;
    }

    // What is between braces; without a name: all of the file.
    bool block(Node& into, std::size_t depth, std::string_view name, const Place& begun) {
        const unsigned number = ++all_.blocks;
        while (true) {
            in_.skip_space();
            if (in_.at_end()) {
                return begun.line == 0 || fail(section_not_closed(in_, name, begun));
            }
            if (in_.peek() == '}') {
                if (begun.line == 0) { return fail(closes_nothing(in_)); }
                in_.advance();
                return true;
            }
            if (!statement(into, depth, number)) { return false; }
        }
    }

    bool statement(Node& into, std::size_t depth, unsigned block_number) {
        const Place place = in_.place();
        const bool in_quotes = in_.peek() == '"';
        std::string name;
        if (!read_name(name, "{}=:,\"", "a name")) { return false; }
        if (name == "include" && !in_quotes && begins_include()) { return include(into, depth); }
        if (++all_.entries > entries_max) {
            return fail(too_many(place, "settings and sections", entries_max));
        }
        in_.skip_space();
        switch (in_.peek()) {
            case '=': return value(into, std::move(name), place, block_number);
            case '{':
            case ':': return section(into, depth, std::move(name), place, block_number);
            default:
                return fail(expected(
                    in_, fmt::format("\"=\" or \"{{\" behind \"{}\"", printable(name, 40))));
        }
    }

    bool read_name(std::string& out, std::string_view ends, std::string_view what) {
        const Place place = in_.place();
        if (in_.peek() == '"') {
            if (!in_.quoted(out)) { return fail(quote_not_closed(place)); }
            if (out.empty()) { return fail({.place = place, .what = "an empty name"}); }
        } else {
            out = in_.word(ends);
            if (out.empty()) { return fail(expected(in_, what)); }
        }
        if (out.size() > name_size_max) { return fail(too_long(place, "a name", name_size_max)); }
        return !has_control_character(out) || fail(control_character(place, "a name"));
    }

    bool value(Node& into, std::string name, const Place& place, unsigned block_number) {
        in_.advance();
        std::string text;
        if (!read_value(text)) { return false; }
        if (name == "secret" || name == "pin") { secret_line_ = in_.place().line; }
        const std::size_t before = into.items.size();
        Item& item = into.get(name);
        if (into.items.size() == before) {
            if (std::holds_alternative<std::unique_ptr<Node>>(item.content)) {
                return fail(is_a_section(place, name, item.place));
            }
            if (item.block == block_number) { warn(set_twice(place, name, item.place)); }
        }
        item.place = place;
        item.block = block_number;
        item.content = std::move(text);
        return true;
    }

    // Words and quoted texts up to the end of the line or "}", with one blank between them.
    bool read_value(std::string& out) {
        bool first = true;
        while (true) {
            in_.skip_blanks();
            const char next = in_.peek();
            if (in_.at_end() || next == '\n' || next == '#' || next == '}') { break; }
            const Place place = in_.place();
            if (!first) { out += ' '; }
            first = false;
            if (next == '"') {
                if (!in_.quoted(out)) { return fail(quote_not_closed(place)); }
            } else {
                out += in_.word("}\"");
                if (in_.peek() == '#') { warn(comment_in_value(in_.place())); }
            }
            if (out.size() > value_size_max) {
                return fail(too_long(place, "a value", value_size_max));
            }
            if (out.contains('\0')) { return fail(control_character(place, "a value")); }
        }
        return true;
    }

    bool section(Node& into, std::size_t depth, std::string name, const Place& place,
                 unsigned block_number) {
        if (depth == section_depth_max) { return fail(too_deep(place)); }
        std::vector<Reference> references;
        if (in_.peek() == ':' && !read_references(references)) { return false; }
        in_.advance();  // the brace
        const std::size_t before = into.items.size();
        Item& item = into.get(name);
        if (into.items.size() != before) {
            item.place = place;
            item.block = block_number;
            item.content = std::make_unique<Node>();
        } else if (!std::holds_alternative<std::unique_ptr<Node>>(item.content)) {
            return fail(is_a_value(place, name, item.place));
        } else if ((item.block == block_number && depth > 0) || into.secrets) {
            // Several `connections` or `secrets` in one file are usual; two `home` are not, nor is
            // a secret that others have a part in.
            warn(begun_twice(place, name, item.place));
        }
        Node& node = *std::get<std::unique_ptr<Node>>(item.content);  // stays where it is
        node.secrets = node.secrets || (depth == 0 && name == "secrets");
        for (Reference& reference : references) { node.references.push_back(std::move(reference)); }
        if (node.references.size() > references_max) {
            return fail(too_many(place, "references behind one section", references_max));
        }
        return block(node, depth + 1, name, place);
    }

    bool read_references(std::vector<Reference>& out) {
        do {
            in_.advance();  // ":" or ","
            in_.skip_space();
            Reference reference{.place = in_.place()};
            std::string part;
            while (true) {
                part.clear();
                if (!read_name(part, "{}=:,.\"", "the absolute name of a section")) {
                    return false;
                }
                reference.path.push_back(part);
                if (in_.peek() != '.') { break; }
                in_.advance();
            }
            out.push_back(std::move(reference));
            in_.skip_space();
        } while (in_.peek() == ',');
        return in_.peek() == '{' || fail(expected(in_, "\",\" or \"{\" behind a reference"));
    }

    // `include` is a statement where blanks and then no "=" or "{" follow.
    bool begins_include() const {
        Cursor ahead = in_;
        ahead.skip_blanks();
        const char next = ahead.peek();
        return next != '=' && next != '{' && next != ':';
    }

    bool include(Node& into, std::size_t depth) {
        in_.skip_blanks();
        const Place place = in_.place();
        std::string pattern;
        if (in_.peek() == '"') {
            if (!in_.quoted(pattern)) { return fail(quote_not_closed(place)); }
        } else {
            pattern = in_.word("}\"");
        }
        if (pattern.empty()) { return fail(expected(in_, "a file name behind \"include\"")); }
        if (all_.files == nullptr) {
            return fail(include_refused(place, "includes are not possible here", ""));
        }
        const std::string& from = *place.file;
        if (!pattern.starts_with('/')) {
            const auto slash = from.rfind('/');
            if (slash != std::string::npos) { pattern.insert(0, from.substr(0, slash + 1)); }
        }
        const auto paths = all_.files->glob(pattern);
        if (!paths) {
            return fail(include_refused(place,
                                        fmt::format("cannot look for \"{}\": {}",
                                                    printable(pattern), paths.error().received),
                                        paths.error().remedy));
        }
        if (paths->empty() && pattern.find_first_of("*?[") == std::string::npos) {
            return go_without(
                into, include_refused(
                          place, fmt::format("the file \"{}\" does not exist", printable(pattern)),
                          "create it, or remove the include"));
        }
        return std::ranges::all_of(*paths, [&](const std::string& path) {
            return include_file(into, depth, path, place);
        });
    }

    bool include_file(Node& into, std::size_t depth, const std::string& path, const Place& place) {
        const std::string identity = all_.files->identity(path);
        const bool loops =
            std::ranges::find(all_.open, identity, &Parsing::Open::identity) != all_.open.end();
        if (loops || all_.open.size() > include_depth_max) {
            std::string chain;
            for (const auto& open : all_.open) { chain += printable(open.path) + " -> "; }
            chain += printable(path);
            return fail(include_refused(place,
                                        loops ? fmt::format("a file includes itself: {}", chain)
                                              : fmt::format("includes nest more than {} deep: {}",
                                                            include_depth_max, chain),
                                        "break the chain"));
        }
        if (all_.tree.files.size() >= files_max) {
            return fail(too_many(place, "included files", files_max));
        }
        auto file = all_.files->read(path);
        if (!file) {
            return go_without(into,
                              include_refused(place,
                                              fmt::format("cannot read \"{}\": {}", printable(path),
                                                          file.error().received),
                                              file.error().remedy));
        }
        all_.text_size += file->text.size();
        if (all_.text_size > text_size_max) {
            return fail(too_many(place, "octets of configuration", text_size_max));
        }
        all_.open.push_back({path, identity});
        all_.file(into, depth, file->text, path, file->others_may_read);
        all_.open.pop_back();
        // A mistake in an included file does not hide those behind it, but for a limit.
        return all_.entries <= entries_max;
    }

    Parsing& all_;
    Cursor in_;
    unsigned secret_line_ = 0;  // where the last secret ends
};

void Parsing::file(Node& into, std::size_t depth, std::string_view text, const std::string& name,
                   bool others_may_read) {
    auto shared = std::make_shared<const std::string>(name);
    tree.files.push_back({shared, others_may_read});
    Parser{*this, text, std::move(shared)}.run(into, depth);
}

}  // namespace

std::string Reference::to_string() const { return fmt::format("{}", fmt::join(path, ".")); }

Item* Node::find(std::string_view name) {
    const auto at = index_.find(name);
    return at == index_.end() ? nullptr : &items[at->second];
}
const Item* Node::find(std::string_view name) const {
    const auto at = index_.find(name);
    return at == index_.end() ? nullptr : &items[at->second];
}
Item& Node::get(std::string_view name) {
    if (Item* item = find(name)) { return *item; }
    index_.emplace(name, items.size());
    items.push_back({.name = std::string{name}});
    return items.back();
}

void parse_into(Node& root, Tree& tree, std::string_view text, const std::string& name,
                bool others_may_read, const FileSystem* files) {
    Parsing all{.tree = tree, .files = files};
    all.open.push_back({name, files == nullptr ? name : files->identity(name)});
    all.file(root, 0, text, name, others_may_read);
}

}  // namespace culvert::config
