#include "cli/json.hpp"

#include <nlohmann/json.hpp>

#include "base/overloaded.hpp"

namespace culvert::cli {
namespace {

nlohmann::ordered_json json_of(const vici::Section& section) {
    auto out = nlohmann::ordered_json::object();
    for (const vici::Entry& entry : section.entries) {
        std::visit(Overloaded{
                       [&](const std::string& value) { out[entry.key] = value; },
                       [&](const vici::List& list) { out[entry.key] = list; },
                       [&](const vici::Section& inner) { out[entry.key] = json_of(inner); },
                   },
                   entry.element);
    }
    return out;
}

}  // namespace

std::string to_json(const vici::Message& message) {
    // Octets that are no UTF-8 are replaced, not thrown over.
    return json_of(message).dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

std::string to_json_line(const vici::Message& message) {
    return json_of(message).dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace culvert::cli
