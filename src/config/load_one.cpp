// What VICI loads, one at a time.

#include <functional>
#include <utility>

#include "config/sections.hpp"

namespace culvert::config {
namespace {

// An empty list is none, as for charon; of keywords for lists a text cannot say that either.
vici::Section without_empty_lists(const vici::Section& section) {
    vici::Section out;
    for (const vici::Entry& entry : section.entries) {
        const auto* const list = std::get_if<vici::List>(&entry.element);
        if (list != nullptr && list->empty()) { continue; }
        out.entries.push_back(entry);
        if (const auto* const inner = std::get_if<vici::Section>(&entry.element)) {
            out.entries.back().element = without_empty_lists(*inner);
        }
    }
    return out;
}

// `read` gets the section by the path that swanctl.conf would have for it.
void read_named(std::string_view kind, std::string_view name, const vici::Section& section,
                Report& report, const std::function<void(const Scope&)>& read) {
    const vici::Section root =
        vici::Section{}.set(kind, vici::Section{}.set(name, without_empty_lists(section)));
    const Scope top{root, nullptr, "", report};
    const auto field = top.find(kind);
    const Scope all{top, *field};
    read(Scope{all, *all.find(name)});
}

}  // namespace

LoadedAuthority load_authority(std::string_view name, const vici::Section& section) {
    LoadedAuthority out;
    Report report;
    read_named("authorities", name, section, report, [&](const Scope& scope) {
        if (auto read = read_authority(scope)) {
            out.authority = std::move(read->info);
            out.lists = std::move(read->lists);
        }
    });
    out.problems = report.take();
    return out;
}

LoadedPool load_pool(std::string_view name, const vici::Section& section) {
    LoadedPool out;
    Report report;
    read_named("pools", name, section, report,
               [&](const Scope& scope) { out.pool = read_pool(scope); });
    out.problems = report.take();
    return out;
}

LoadedConnection load_connection(std::string_view name, const vici::Section& section) {
    LoadedConnection out;
    Report report;
    read_named("connections", name, section, report,
               [&](const Scope& scope) { out.connection = read_connection(scope); });
    out.problems = report.take();
    return out;
}

}  // namespace culvert::config
