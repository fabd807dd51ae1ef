#include "config/syntax_problems.hpp"

#include <string>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"

namespace culvert::config {

SyntaxProblem expected(const Cursor& in, std::string_view what) {
    return {.place = in.place(), .what = fmt::format("expected {}, found {}", what, in.found())};
}

SyntaxProblem unexpected_behind_secret(const Cursor& in) {
    return {.place = in.place(),
            .what = "this does not belong behind a secret",
            .remedy =
                "put the secret in double quotes if it holds a \"}\", and a \"\\\" before "
                "each double quote in it"};
}

SyntaxProblem section_not_closed(const Cursor& in, std::string_view name, const Place& begun) {
    return {.place = in.place(),
            .what = fmt::format("expected \"}}\" for the section \"{}\" that begins in line {}, "
                                "found the end of the file",
                                printable(name), begun.line),
            .remedy = "add the missing \"}\""};
}

SyntaxProblem closes_nothing(const Cursor& in) {
    return {.place = in.place(),
            .what = "\"}\" without a section that it could close",
            .remedy =
                "remove it, or look above for a section that ends too early; a value that "
                "holds a \"}\" must be in double quotes"};
}

SyntaxProblem quote_not_closed(const Place& begun) {
    return {.place = begun,
            .what = "a quoted text begins here and does not end",
            .remedy = "add the closing double quote"};
}

SyntaxProblem too_long(const Place& place, std::string_view what, std::size_t most) {
    return {.place = place, .what = fmt::format("{} of more than {} characters", what, most)};
}

SyntaxProblem too_deep(const Place& place) {
    return {.place = place,
            .what = fmt::format("sections nest more than {} deep", section_depth_max)};
}

SyntaxProblem too_many(const Place& place, std::string_view what, std::size_t most) {
    return {.place = place, .what = fmt::format("more than {} {}", most, what)};
}

SyntaxProblem control_character(const Place& place, std::string_view what) {
    return {.place = place, .what = fmt::format("{} with a control character in it", what)};
}

SyntaxProblem is_a_section(const Place& place, std::string_view name, const Place& other) {
    return {.place = place,
            .what = fmt::format("\"{}\" is given a value here but is a section at {}",
                                printable(name), other.to_string()),
            .remedy = "give one of the two another name"};
}

SyntaxProblem is_a_value(const Place& place, std::string_view name, const Place& other) {
    return {.place = place,
            .what = fmt::format("\"{}\" is a section here but has a value at {}", printable(name),
                                other.to_string()),
            .remedy = "give one of the two another name"};
}

SyntaxProblem set_twice(const Place& place, std::string_view name, const Place& other) {
    return {.place = place,
            .what = fmt::format("\"{}\" is set already in line {}; this value replaces that one",
                                printable(name), other.line),
            .remedy = "remove one of the two",
            .warning = true};
}

SyntaxProblem begun_twice(const Place& place, std::string_view name, const Place& other) {
    return {.place = place,
            .what = fmt::format(
                "the section \"{}\" is there already in {}; the two are merged, and "
                "of equal keys the later one counts",
                printable(name),
                place.file == other.file ? fmt::format("line {}", other.line) : other.to_string()),
            .remedy = "give it another name, or join the two",
            .warning = true};
}

SyntaxProblem comment_in_value(const Place& place) {
    return {.place = place,
            .what = "\"#\" begins a comment here, in the middle of a word",
            .remedy = "put the value in double quotes if the \"#\" belongs to it",
            .warning = true};
}

SyntaxProblem include_refused(const Place& place, std::string_view why, std::string_view remedy) {
    return {.place = place, .what = std::string{why}, .remedy = std::string{remedy}};
}

}  // namespace culvert::config
