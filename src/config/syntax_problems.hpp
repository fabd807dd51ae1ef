#pragma once
// What can be wrong with the text of a configuration. Inside config only.

#include <cstddef>
#include <string_view>

#include "config/cursor.hpp"
#include "config/tree.hpp"

namespace culvert::config {

SyntaxProblem expected(const Cursor& in, std::string_view what);
// The rest of a secret that was cut short by a "}" is not for a log.
SyntaxProblem unexpected_behind_secret(const Cursor& in);
SyntaxProblem section_not_closed(const Cursor& in, std::string_view name, const Place& begun);
SyntaxProblem closes_nothing(const Cursor& in);
SyntaxProblem quote_not_closed(const Place& begun);
SyntaxProblem too_long(const Place& place, std::string_view what, std::size_t most);
SyntaxProblem too_deep(const Place& place);
SyntaxProblem too_many(const Place& place, std::string_view what, std::size_t most);
SyntaxProblem control_character(const Place& place, std::string_view what);
SyntaxProblem is_a_section(const Place& place, std::string_view name, const Place& other);
SyntaxProblem is_a_value(const Place& place, std::string_view name, const Place& other);
SyntaxProblem set_twice(const Place& place, std::string_view name, const Place& other);
SyntaxProblem begun_twice(const Place& place, std::string_view name, const Place& other);
SyntaxProblem comment_in_value(const Place& place);
SyntaxProblem include_refused(const Place& place, std::string_view why, std::string_view remedy);

}  // namespace culvert::config
