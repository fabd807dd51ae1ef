#include "cli/swanctl_writer.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "cli/ipsec_conf.hpp"

namespace culvert::cli {
namespace {

constexpr std::size_t comment_size_max = 300;

std::string in_quotes(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') { out += '\\'; }
        out += c;
    }
    return out + '"';
}

// In quotes where it needs them.
std::string quoted(const std::string& text) {
    // Of several blanks between words one would be left.
    if (!text.empty() && text.find_first_of("#{}\"\\\n\t") == std::string::npos &&
        text.find("  ") == std::string::npos && text == trimmed(text)) {
        return text;
    }
    return in_quotes(text);
}

}  // namespace

void SwanctlWriter::open(const std::string& name) {
    const bool plain =
        !name.empty() && name != "include" && std::ranges::all_of(name, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '%';
        });
    line((plain ? name : in_quotes(name)) + " {");
    ++depth_;
}

void SwanctlWriter::close() {
    --depth_;
    line("}");
}

void SwanctlWriter::set(std::string_view key, const std::optional<std::string>& value) {
    if (value) { line(fmt::format("{} = {}", key, quoted(*value))); }
}

void SwanctlWriter::set_list(std::string_view key, const std::vector<std::string>& values) {
    if (!values.empty()) { set(key, fmt::format("{}", fmt::join(values, ", "))); }
}

void SwanctlWriter::comment(std::string_view text) {
    line(fmt::format("# {}", printable(text, comment_size_max)));
}

void SwanctlWriter::left_out(const std::string& what) {
    comment("not carried over: " + what);
    notes_.push_back("not carried over: " + printable(what, comment_size_max));
}

void SwanctlWriter::look_at(const std::string& what) {
    comment("look at this: " + what);
    notes_.push_back("look at this: " + printable(what, comment_size_max));
}

void SwanctlWriter::line(const std::string& text) {
    out_ += std::string(depth_ * 4, ' ') + text + "\n";
}

}  // namespace culvert::cli
