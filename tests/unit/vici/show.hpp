#pragma once
// A message in one line, to compare.

#include <string>

#include "vici/message.hpp"

namespace culvert::vici {

inline std::string show(const Section& section) {
    std::string out;
    for (const Entry& entry : section.entries) {
        if (!out.empty()) { out += ' '; }
        if (const auto* value = std::get_if<std::string>(&entry.element)) {
            out += entry.key + "=" + *value;
        } else if (const auto* items = std::get_if<List>(&entry.element)) {
            out += entry.key + "=[";
            for (const std::string& item : *items) { out += item + ";"; }
            out += "]";
        } else {
            out += entry.key + "{" + show(std::get<Section>(entry.element)) + "}";
        }
    }
    return out;
}

}  // namespace culvert::vici
