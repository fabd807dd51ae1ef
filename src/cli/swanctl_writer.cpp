#include "cli/swanctl_writer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "cli/ipsec_conf.hpp"

namespace culvert::cli {
namespace {

constexpr std::size_t comment_size_max = 300;

// In quotes where it needs them.
std::string quoted(const std::string& text) {
    if (!text.empty() && text.find_first_of("#{}\"\\\n") == std::string::npos &&
        text == trimmed(text)) {
        return text;
    }
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') { out += '\\'; }
        out += c;
    }
    return out + '"';
}

}  // namespace

void SwanctlWriter::open(const std::string& name) {
    line(name + " {");
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
