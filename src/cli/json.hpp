#pragma once

#include <string>

#include "vici/message.hpp"

namespace culvert::cli {

// A VICI message as JSON: sections are objects, lists arrays, values strings. Indented by two.
std::string to_json(const vici::Message& message);
// The same on one line: for streams, so that whoever reads them can do so line by line.
std::string to_json_line(const vici::Message& message);

}  // namespace culvert::cli
