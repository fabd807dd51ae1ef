#pragma once
// What the typed layer works with: where we are in the tree, and the list of what is wrong.

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "config/config.hpp"
#include "config/keywords.hpp"

namespace culvert::config {

// Keeps each problem once for each place (templates are read many times) and at most problems_max.
class Report {
 public:
    void add(Problem problem);
    bool has_errors() const { return errors_ > 0; }
    // How many there were, those of one place counted each time.
    std::size_t errors() const { return errors_; }
    Problems take();

 private:
    Problems problems_;
    std::set<std::tuple<const std::string*, unsigned, unsigned, std::string>> seen_;
    std::size_t left_out_ = 0;
    bool left_out_error_ = false;
    std::size_t errors_ = 0;
};

struct Field;

// Where the files are that settings name: the folder of swanctl.conf. None: settings hold what is
// in the files (VICI).
struct FileSource {
    const FileSystem& files;
    std::string folder;
};

// A section with its path and places. Lives on the stack while the section is read.
class Scope {
 public:
    // The root of a tree, or a section that came by VICI (then without places).
    Scope(const vici::Section& section, const SectionPlaces* places, std::string name,
          Report& report, const FileSource* source = nullptr);
    // A section in one.
    Scope(const Scope& parent, const Field& field);

    std::string path() const;  // "connections.home"
    std::string_view name() const { return name_; }
    const Place& place() const { return place_; }
    Report& report() const { return report_; }
    const FileSource* source() const { return source_; }

    void each(const std::function<void(const Field&)>& use) const;
    // The field of this key; calls nothing when there is none.
    std::optional<Field> find(std::string_view key) const;

    void error(std::string_view what, std::string_view remedy) const;
    void warning(std::string_view what, std::string_view remedy) const;

 private:
    const Scope* parent_ = nullptr;
    const vici::Section& section_;
    const SectionPlaces* places_;
    std::string name_;
    Place place_;
    Report& report_;
    const FileSource* source_ = nullptr;
};

// One entry of a section.
struct Field {
    const Scope& scope;
    const vici::Entry& entry;
    const EntryPlace* at;  // null: came by VICI

    const std::string& key() const { return entry.key; }
    const vici::Section* section() const { return std::get_if<vici::Section>(&entry.element); }
    std::string path() const;
    Place place() const;

    // The value; a VICI list joined by ", ". Nothing, and an error, for a section.
    std::optional<std::string> text() const;
    // The same as a list.
    std::optional<vici::List> list() const;

    void report(Problem::Severity severity, std::string_view what, std::string_view remedy) const;
    void error(std::string_view what, std::string_view remedy) const {
        report(Problem::Severity::error, what, remedy);
    }
    void warning(std::string_view what, std::string_view remedy) const {
        report(Problem::Severity::warning, what, remedy);
    }
    void info(std::string_view what, std::string_view remedy) const {
        report(Problem::Severity::info, what, remedy);
    }
};

// ---- words that several sections need

// An entry that is no keyword of this section.
void unknown_keyword(const Field& field, SectionKind section);
// An entry whose keyword is known and not built: refused, warned about, or nothing at all.
void not_built(const Field& field, const Keyword& keyword);

}  // namespace culvert::config
