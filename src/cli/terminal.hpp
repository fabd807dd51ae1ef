#pragma once
// Text of others made fit for a terminal and for those who read UTF-8.

#include <string>
#include <string_view>

namespace culvert::cli {

// Line ends, tabs and our own colours (ESC [ digits m) stay; other control characters are shown as
// \\x1b. A name that came by VICI must not move the cursor.
std::string fit_for_terminal(std::string_view text);

// Octets that are no UTF-8 (RFC 3629) become U+FFFD, one each.
std::string as_utf8(std::string_view text);

}  // namespace culvert::cli
