#pragma once
// How a text says what kind of identity it is.

#include <string_view>

namespace culvert::ike {

// Whether it does not: without "@#" and a prefix like "fqdn:" or "{2}:" in front.
bool is_untyped(std::string_view text);

}  // namespace culvert::ike
