#include "cli/ipsec_conf.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <glob.h>

#include "base/bytes.hpp"

namespace culvert::cli {
namespace {

constexpr std::size_t file_size_max = 16 * 1024 * 1024;
constexpr int include_depth_max = 8;
constexpr int also_depth_max = 8;

Error cannot_read(const std::string& file, std::string_view why) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("to read {}", file),
            .received = std::string{why},
            .remedy = "name a file that can be read"};
}

Error not_ipsec_conf(const std::string& file, std::size_t line, std::string_view text) {
    return {.code = ErrorCode::malformed,
            .wanted =
                "\"conn NAME\", \"ca NAME\", \"config setup\", \"include FILE\" or an indented "
                "key = value",
            .received = fmt::format("{}:{}: {}", file, line, printable(text, 80)),
            .remedy = "correct this line"};
}

Error includes_too_deep(const std::string& file) {
    return {.code = ErrorCode::config,
            .wanted = fmt::format("includes at most {} deep", include_depth_max),
            .received = file,
            .remedy = "see whether a file includes itself"};
}

// Behind the kind of a section: a word, or what stands in quotes.
std::string name_in(std::string_view text) {
    const std::string name = trimmed(text);
    if (name.starts_with('"')) {
        const auto end = name.find('"', 1);
        return end == std::string::npos ? std::string{} : name.substr(1, end - 1);
    }
    return name.substr(0, name.find_first_of(" \t"));
}

class Parser {
 public:
    Status read(const std::string& file, int depth) {
        if (depth > include_depth_max) { return std::unexpected(includes_too_deep(file)); }
        const auto text = read_import_file(file);
        if (!text) { return std::unexpected(text.error()); }
        std::istringstream lines{*text};
        std::string raw;
        for (std::size_t number = 1; std::getline(lines, raw); ++number) {
            const std::string line = without_comment(raw);
            const std::string content = trimmed(line);
            if (content.empty()) { continue; }
            if (Status done = take(file, number, line, content, depth); !done) { return done; }
        }
        return {};
    }
    std::vector<IpsecSection> sections;

 private:
    Status take(const std::string& file, std::size_t number, const std::string& line,
                const std::string& content, int depth) {
        std::istringstream words{content};
        std::string first;
        std::string second;
        words >> first >> second;
        if (first == "include") {
            for (const std::string& one : included_files(file, unquoted(second))) {
                if (Status done = read(one, depth + 1); !done) { return done; }
            }
            return {};
        }
        if (line.front() == ' ' || line.front() == '\t') {
            const auto equals = content.find('=');
            if (sections.empty() || equals == std::string::npos) {
                return std::unexpected(not_ipsec_conf(file, number, content));
            }
            sections.back().entries.emplace_back(trimmed(content.substr(0, equals)),
                                                 unquoted(trimmed(content.substr(equals + 1))));
            return {};
        }
        if (first == "version") { return {}; }
        second = name_in(content.substr(std::min(first.size(), content.size())));
        if ((first != "conn" && first != "ca" && first != "config") || second.empty()) {
            return std::unexpected(not_ipsec_conf(file, number, content));
        }
        sections.push_back({.kind = first, .name = second, .entries = {}});
        return {};
    }
};

}  // namespace

std::string trimmed(std::string_view text) {
    const auto from = text.find_first_not_of(" \t\r");
    if (from == std::string_view::npos) { return {}; }
    const auto to = text.find_last_not_of(" \t\r");
    return std::string{text.substr(from, to - from + 1)};
}

std::string unquoted(const std::string& text) {
    if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
        return text.substr(1, text.size() - 2);
    }
    return text;
}

std::string without_comment(std::string_view line) {
    bool quoted = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') { quoted = !quoted; }
        // "@#6d796b6579" is a key-id, no comment.
        if (line[i] == '#' && !quoted && (i == 0 || line[i - 1] != '@')) {
            return std::string{line.substr(0, i)};
        }
    }
    return std::string{line};
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    std::string word;
    for (const char c : text) {
        if (c != ',' && c != ' ' && c != '\t' && c != '{' && c != '}') {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::exchange(word, {}));
        }
    }
    if (!word.empty()) { out.push_back(std::move(word)); }
    return out;
}

std::string joined_words(std::string_view text) {
    return fmt::format("{}", fmt::join(words_of(text), ", "));
}

Result<std::string> read_import_file(const std::string& file) {
    std::ifstream in{file, std::ios::binary};
    if (!in) { return std::unexpected(cannot_read(file, "there is none, or it is not for us")); }
    std::string out;
    std::array<char, 65536> chunk{};
    while (in.read(chunk.data(), chunk.size()) || in.gcount() > 0) {
        out.append(chunk.data(), static_cast<std::size_t>(in.gcount()));
        if (out.size() > file_size_max) {
            return std::unexpected(cannot_read(file, "it is larger than 16 MiB"));
        }
    }
    return out;
}

std::vector<std::string> included_files(const std::string& from, const std::string& pattern) {
    const std::filesystem::path path{pattern};
    const std::string whole =
        path.is_absolute() ? pattern : (std::filesystem::path{from}.parent_path() / path).string();
    glob_t found{};
    std::vector<std::string> out;
    // A pattern that nothing fits is no error; a plain name that is not there is one, when read.
    if (::glob(whole.c_str(), GLOB_NOMAGIC, nullptr, &found) == 0) {
        out.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    ::globfree(&found);
    return out;
}

Result<std::vector<IpsecSection>> read_ipsec_conf(const std::string& file) {
    Parser parser;
    if (Status done = parser.read(file, 0); !done) {
        return std::unexpected(std::move(done).error());
    }
    return std::move(parser.sections);
}

IpsecConn::IpsecConn(const std::vector<IpsecSection>& all, const IpsecSection& own)
    : name_(own.name) {
    for (const IpsecSection& one : all) {
        if (one.kind == "conn" && one.name == "%default") { take_over(all, one, 0); }
    }
    take_over(all, own, 0);
}

std::optional<std::string> IpsecConn::value(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::string> IpsecConn::take(const std::string& key) {
    const auto found = values_.find(key);
    if (found == values_.end()) { return std::nullopt; }
    std::string out = std::move(found->second);
    values_.erase(found);
    return out;
}

std::optional<std::string> IpsecConn::take_any(std::initializer_list<const char*> keys) {
    std::optional<std::string> out;
    for (const char* key : keys) {
        if (auto value = take(key)) { out = std::move(value); }
    }
    return out;
}

void IpsecConn::take_over(const std::vector<IpsecSection>& all, const IpsecSection& section,
                          int depth) {
    for (const auto& [key, value] : section.entries) {
        if (key != "also") { continue; }
        for (const std::string& wanted : words_of(value)) {
            bool found = false;
            for (const IpsecSection& other : all) {
                if (other.kind == "conn" && other.name == wanted && depth < also_depth_max) {
                    take_over(all, other, depth + 1);
                    found = true;
                }
            }
            if (!found) { missing_.push_back(wanted); }
        }
    }
    for (const auto& [key, value] : section.entries) {
        if (key != "also") { values_.insert_or_assign(key, value); }
    }
}

}  // namespace culvert::cli
