#include "config/report.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.hpp"
#include "config/limits.hpp"
#include "config/nearest.hpp"
#include "config/sections.hpp"

namespace culvert::config {

std::string Problem::to_string() const {
    constexpr auto word = [](Severity s) {
        switch (s) {
            case Severity::error: return "error";
            case Severity::warning: return "warning";
            case Severity::info: return "info";
        }
        return "";
    };
    std::string out = place.to_string();
    if (!out.empty()) { out += ": "; }
    out += word(severity);
    out += ": ";
    if (!path.empty()) { out += printable(path) + ": "; }
    out += what;
    if (!remedy.empty()) { out += fmt::format(". To fix it: {}", remedy); }
    return out;
}

bool has_errors(const Problems& problems) {
    return std::ranges::any_of(
        problems, [](const Problem& p) { return p.severity == Problem::Severity::error; });
}

Error as_error(const Problems& problems) {
    const bool errors = has_errors(problems);
    std::string all;
    std::string remedy;
    std::size_t count = 0;
    constexpr std::size_t shown_max = 5;
    for (const Problem& problem : problems) {
        if (errors && problem.severity != Problem::Severity::error) { continue; }
        if (++count > shown_max) { continue; }
        std::string words = problem.place.to_string();
        if (!words.empty()) { words += ": "; }
        if (!problem.path.empty()) { words += printable(problem.path) + ": "; }
        all += (all.empty() ? "" : "; ") + words + problem.what;
        if (remedy.empty()) { remedy = problem.remedy; }
    }
    if (count > shown_max) { all += fmt::format("; and {} more", count - shown_max); }
    return {.code = ErrorCode::config,
            .wanted = "a configuration that can be carried out",
            .received = std::move(all),
            .remedy = std::move(remedy)};
}

// ---- Report

void Report::add(Problem problem) {
    if (problem.severity == Problem::Severity::error) { ++errors_; }
    if (problem.place.file && !seen_
                                   .emplace(problem.place.file.get(), problem.place.line,
                                            problem.place.column, problem.what)
                                   .second) {
        return;
    }
    if (problems_.size() < problems_max) {
        problems_.push_back(std::move(problem));
        return;
    }
    ++left_out_;
    left_out_error_ = left_out_error_ || problem.severity == Problem::Severity::error;
}

Problems Report::take() {
    if (left_out_ > 0) {
        problems_.push_back(
            {.severity = left_out_error_ ? Problem::Severity::error : Problem::Severity::warning,
             .what = fmt::format("{} more problems are not shown", left_out_)});
    }
    seen_.clear();
    left_out_ = 0;
    return std::exchange(problems_, {});
}

// ---- Scope

Scope::Scope(const vici::Section& section, const SectionPlaces* places, std::string name,
             Report& report, const FileSource* source)
    : section_(section),
      places_(places),
      name_(std::move(name)),
      report_(report),
      source_(source) {}

Scope::Scope(const Scope& parent, const Field& field)
    : parent_(&parent),
      section_(*field.section()),
      places_(field.at == nullptr ? nullptr : &field.at->section),
      name_(field.key()),
      place_(field.place()),
      report_(parent.report_),
      source_(parent.source_) {}

std::string Scope::path() const {
    if (parent_ == nullptr) { return name_; }
    const std::string before = parent_->path();
    return before.empty() ? name_ : before + "." + name_;
}

void Scope::each(const std::function<void(const Field&)>& use) const {
    for (std::size_t i = 0; i < section_.entries.size(); ++i) {
        use(Field{*this, section_.entries[i], places_ == nullptr ? nullptr : &places_->entries[i]});
    }
}

std::optional<Field> Scope::find(std::string_view key) const {
    for (std::size_t i = 0; i < section_.entries.size(); ++i) {
        if (section_.entries[i].key == key) {
            return Field{*this, section_.entries[i],
                         places_ == nullptr ? nullptr : &places_->entries[i]};
        }
    }
    return std::nullopt;
}

void Scope::error(std::string_view what, std::string_view remedy) const {
    report_.add({Problem::Severity::error, place_, path(), std::string{what}, std::string{remedy}});
}
void Scope::warning(std::string_view what, std::string_view remedy) const {
    report_.add(
        {Problem::Severity::warning, place_, path(), std::string{what}, std::string{remedy}});
}

// ---- Field

std::string Field::path() const {
    const std::string before = scope.path();
    return before.empty() ? key() : before + "." + key();
}

Place Field::place() const { return at == nullptr ? Place{} : at->place; }

std::optional<std::string> Field::text() const {
    if (const auto* value = std::get_if<std::string>(&entry.element)) { return *value; }
    if (const auto* items = std::get_if<vici::List>(&entry.element)) {
        return fmt::format("{}", fmt::join(*items, ", "));
    }
    error("is a section here, but takes a value", fmt::format("write {} = ...", printable(key())));
    return std::nullopt;
}

std::optional<vici::List> Field::list() const {
    if (const auto* items = std::get_if<vici::List>(&entry.element)) { return *items; }
    const auto value = text();
    if (!value) { return std::nullopt; }
    return split_list(*value);
}

void Field::report(Problem::Severity severity, std::string_view what,
                   std::string_view remedy) const {
    scope.report().add({severity, place(), path(), std::string{what}, std::string{remedy}});
}

// ---- words

void unknown_keyword(const Field& field, SectionKind section) {
    const auto meant = nearest(field.key(), names_of(section));
    field.error("is not a keyword of this section",
                meant ? fmt::format("did you mean {}?", *meant) : "remove it");
}

bool has_control_character(std::string_view text) {
    return std::ranges::any_of(text, [](char c) { return c >= 0 && (c < 0x20 || c == 0x7f); });
}

bool is_name(const Scope& scope) {
    const std::string_view name = scope.name();
    if (name.empty()) {
        scope.error("has no name", "name it");
    } else if (has_control_character(name)) {
        scope.error("has a control character in its name", "name it in letters");
    } else if (name.size() > listed_name_size_max) {
        scope.error(fmt::format("has a name of {} characters; at most {} can be listed",
                                name.size(), listed_name_size_max),
                    "give it a shorter one");
    } else {
        return true;
    }
    return false;
}

void not_built(const Field& field, const Keyword& keyword) {
    const auto* value = std::get_if<std::string>(&field.entry.element);
    if (value != nullptr && is_harmless(keyword, *value)) { return; }
    switch (keyword.status) {
        case KeywordStatus::built: return;
        case KeywordStatus::refused:
            field.error(
                "is not built yet, and ignoring it would change what is protected or who may "
                "connect",
                keyword.note);
            return;
        case KeywordStatus::warned:
            field.warning(fmt::format("is ignored, it is not built: {}", keyword.note), "");
            return;
        case KeywordStatus::no_effect:
            field.warning(fmt::format("has no effect here: {}", keyword.note), "");
            return;
    }
}

}  // namespace culvert::config
