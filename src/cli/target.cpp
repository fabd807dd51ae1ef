#include "cli/target.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/nearest.hpp"

namespace culvert::cli {
namespace {

constexpr std::size_t names_shown_max = 8;

// "a, b, c and 4 more".
std::string some_of(const std::vector<std::string>& names) {
    const auto shown = std::min(names.size(), names_shown_max);
    const std::string out = fmt::format(
        "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
    return shown == names.size() ? out : fmt::format("{} and {} more", out, names.size() - shown);
}

Error nothing_of_this_name(std::string_view name, const std::vector<std::string>& known) {
    std::string remedy = "load a configuration that has it (culvert reload)";
    if (!known.empty()) {
        const std::vector<std::string_view> views{known.begin(), known.end()};
        const auto meant = config::nearest(name, views);
        remedy = meant ? fmt::format("did you mean {}? There is {}", *meant, some_of(known))
                       : fmt::format("choose one of {}", some_of(known));
    }
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("a connection or a child called {}", printable(name)),
            .received = "a daemon that has none of this name loaded",
            .remedy = std::move(remedy)};
}

Error several_have_it(std::string_view name, const std::vector<std::string>& owners) {
    return {.code = ErrorCode::config,
            .wanted = fmt::format("one child called {}", printable(name)),
            .received = fmt::format("one in each of {}", some_of(owners)),
            .remedy = fmt::format("say which: {}/{}", owners.front(), printable(name))};
}

Error no_child_said(std::string_view name) {
    return {.code = ErrorCode::config,
            .wanted = "the name of a connection, or connection/child",
            .received = fmt::format("{}, with nothing on one side of the \"/\"", printable(name)),
            .remedy = "leave the \"/\" away for all of a connection"};
}

bool is_loaded(const Messages& connections, std::string_view name) {
    return std::ranges::any_of(connections, [name](const vici::Message& message) {
        return message.section(name) != nullptr;
    });
}

// "a/b/c" is a connection of that name, or c of a/b, or b/c of a: the first that is loaded. One
// that is loaded no more may still have an SA.
Target split(const Messages& connections, std::string_view name) {
    if (is_loaded(connections, name)) { return {.ike = std::string{name}, .child = {}}; }
    auto slash = name.rfind('/');
    while (slash != 0 && slash != std::string_view::npos &&
           !is_loaded(connections, name.substr(0, slash))) {
        slash = name.rfind('/', slash - 1);
    }
    if (slash == 0 || slash == std::string_view::npos) { slash = name.find('/'); }
    return {.ike = std::string{name.substr(0, slash)},
            .child = std::string{name.substr(slash + 1)}};
}

// What the loaded connections have of a name.
struct Bearers {
    bool connection = false;
    std::vector<std::string> owners;  // connections with a child of this name
    std::vector<std::string> known;   // every name there is
};

void look_at(const vici::Entry& entry, std::string_view name, Bearers& out) {
    const auto* const section = std::get_if<vici::Section>(&entry.element);
    if (section == nullptr) { return; }
    out.connection = out.connection || entry.key == name;
    out.known.push_back(entry.key);
    const vici::Section* const children = section->section("children");
    if (children == nullptr) { return; }
    for (const vici::Entry& child : children->entries) {
        if (child.key == name) { out.owners.push_back(entry.key); }
        if (child.key != entry.key) { out.known.push_back(child.key); }
    }
}

}  // namespace

Result<Target> target_of(const Messages& connections, std::string_view name) {
    if (name.contains('/')) {
        Target target = split(connections, name);
        const bool whole = target.child.empty() && target.ike == name;
        if (target.ike.empty() || (target.child.empty() && !whole)) {
            return std::unexpected(no_child_said(name));
        }
        return target;
    }
    Bearers bearers;
    for (const vici::Message& connection : connections) {
        for (const vici::Entry& entry : connection.entries) { look_at(entry, name, bearers); }
    }
    if (bearers.connection) { return Target{.ike = std::string{name}, .child = {}}; }
    if (bearers.owners.size() > 1) {
        return std::unexpected(several_have_it(name, bearers.owners));
    }
    if (bearers.owners.size() == 1) {
        return Target{.ike = bearers.owners.front(), .child = std::string{name}};
    }
    return std::unexpected(nothing_of_this_name(name, bearers.known));
}

std::vector<std::string> children_of(const Messages& connections, std::string_view connection) {
    std::vector<std::string> out;
    for (const vici::Message& message : connections) {
        const vici::Section* const section = message.section(connection);
        const vici::Section* const children =
            section == nullptr ? nullptr : section->section("children");
        if (children == nullptr) { continue; }
        for (const vici::Entry& entry : children->entries) {
            const auto* const child = std::get_if<vici::Section>(&entry.element);
            if (child == nullptr) { continue; }
            const std::string mode = child->value_or("mode", "TUNNEL");
            if (mode != "PASS" && mode != "DROP") { out.push_back(entry.key); }
        }
    }
    return out;
}

}  // namespace culvert::cli
