// Follows references: a section is what it holds itself, then what the sections behind its colon
// hold, from left to right, and so on inwards.

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/nearest.hpp"
#include "config/node.hpp"

namespace culvert::config {
namespace {

SyntaxProblem no_such_section(const Reference& reference, std::string_view where,
                              const std::optional<std::string>& meant) {
    return {.place = reference.place,
            .what = fmt::format("there is no section \"{}\" to take settings from",
                                printable(reference.to_string())),
            .remedy = meant ? fmt::format("did you mean \"{}{}\"?", where, printable(*meant))
                            : "use the absolute name of a section, as in connections.base"};
}

SyntaxProblem refers_to_itself(const Reference& reference) {
    return {.place = reference.place,
            .what = fmt::format("a section takes settings from \"{}\", which leads back to itself",
                                printable(reference.to_string())),
            .remedy = "break the circle of references"};
}

SyntaxProblem grows_too_large(const Place& place) {
    return {.place = place,
            .what = fmt::format("more than {} settings and sections, those that are taken over by "
                                "reference included",
                                entries_max)};
}

SyntaxProblem nests_too_deep(const Place& place) {
    return {.place = place,
            .what = fmt::format("sections taken over by reference nest more than {} deep",
                                section_depth_max)};
}

class Resolver {
 public:
    Resolver(Tree& tree, const Node& root) : tree_(tree), root_(root) {}

    void run() {
        active_.push_back(&root_);
        merge({&root_}, tree_.root, tree_.places, 0);
    }

 private:
    using Sources = std::vector<const Node*>;

    bool fail(SyntaxProblem problem) {
        tree_.problems.push_back(std::move(problem));
        return false;
    }

    struct Merged {
        const Item* item = nullptr;  // the nearest of this name
        Sources sections;            // all of this name, if it is a section
    };

    // The entries of `sources`, the nearest first; `out` and `places` stay in step.
    bool merge(const Sources& sources, vici::Section& out, SectionPlaces& places,
               std::size_t depth) {
        std::vector<Merged> merged;
        std::unordered_map<std::string_view, std::size_t> index;
        for (const Node* source : sources) {
            for (const Item& item : source->items) {
                if (++work_ > work_max) { return fail(grows_too_large(item.place)); }
                const auto [at, fresh] = index.emplace(item.name, merged.size());
                if (fresh) { merged.push_back({.item = &item}); }
                const auto* inner = std::get_if<std::unique_ptr<Node>>(&item.content);
                if (inner != nullptr) { merged[at->second].sections.push_back(inner->get()); }
            }
        }
        for (const Merged& one : merged) {
            if (!emit(one, out, places, depth)) { return false; }
        }
        return true;
    }

    bool emit(const Merged& one, vici::Section& out, SectionPlaces& places, std::size_t depth) {
        const auto* value = std::get_if<std::string>(&one.item->content);
        if (value != nullptr && value->empty()) { return true; }  // removed
        if (++emitted_ > entries_max) { return fail(grows_too_large(one.item->place)); }
        out.entries.push_back({one.item->name, {}});
        places.entries.push_back({one.item->place, {}});
        if (value != nullptr) {
            out.entries.back().element = *value;
            return true;
        }
        out.entries.back().element = vici::Section{};  // a section even if what follows fails
        if (depth == section_depth_max) { return fail(nests_too_deep(one.item->place)); }
        Sources sources;
        missing_ = false;
        for (const Node* node : one.sections) {
            if (!expand(*node, sources)) { return false; }
        }
        const bool incomplete = missing_ || std::ranges::any_of(sources, [](const Node* node) {
                                    return node->incomplete;
                                });
        places.entries.back().incomplete = incomplete;
        const std::size_t active_before = active_.size();
        active_.insert(active_.end(), sources.begin(), sources.end());
        vici::Section inner;
        SectionPlaces inner_places;
        const bool done = merge(sources, inner, inner_places, depth + 1);
        active_.resize(active_before);
        out.entries.back().element = std::move(inner);
        places.entries.back().section = std::move(inner_places);
        return done;
    }

    // `node` and, behind it, all that it refers to; each once.
    bool expand(const Node& node, Sources& sources) {
        if (std::ranges::find(sources, &node) != sources.end()) { return true; }
        sources.push_back(&node);
        expanding_.push_back(&node);
        for (const Reference& reference : node.references) {
            if (++work_ > work_max) { return fail(grows_too_large(reference.place)); }
            const Node* target = find(reference);
            if (target == nullptr) {
                missing_ = true;
                continue;
            }
            const bool circle = std::ranges::find(expanding_, target) != expanding_.end() ||
                                std::ranges::find(active_, target) != active_.end() ||
                                expanding_.size() > reference_depth_max;
            if (circle) { return fail(refers_to_itself(reference)); }
            if (!expand(*target, sources)) { return false; }
        }
        expanding_.pop_back();
        return true;
    }

    const Node* find(const Reference& reference) {
        tree_.templates.insert(reference.path.front());
        const Node* at = &root_;
        std::string where;
        for (const std::string& name : reference.path) {
            const Item* item = at->find(name);
            const auto* inner =
                item == nullptr ? nullptr : std::get_if<std::unique_ptr<Node>>(&item->content);
            if (inner == nullptr) {
                auto problem =
                    no_such_section(reference, where, nearest(name, names_of_sections(*at)));
                problem.apart = true;
                if (tree_.problems.size() < problems_max) {
                    tree_.problems.push_back(std::move(problem));
                }
                return nullptr;
            }
            at = inner->get();
            where += name + ".";
        }
        return at;
    }

    static std::vector<std::string_view> names_of_sections(const Node& node) {
        constexpr std::size_t names_max = 1000;  // a hint is worth no more than that
        std::vector<std::string_view> out;
        for (const Item& item : node.items) {
            if (std::holds_alternative<std::unique_ptr<Node>>(item.content)) {
                out.emplace_back(item.name);
            }
            if (out.size() == names_max) { break; }
        }
        return out;
    }

    static constexpr std::size_t work_max = 4 * entries_max;

    Tree& tree_;
    const Node& root_;
    std::vector<const Node*> active_;     // what the section in work is part of
    std::vector<const Node*> expanding_;  // the chain of references in work
    bool missing_ = false;                // a reference of the section in work leads nowhere
    std::size_t work_ = 0;
    std::size_t emitted_ = 0;
};

}  // namespace

void resolve_into(Tree& tree, const Node& root) { Resolver{tree, root}.run(); }

}  // namespace culvert::config
