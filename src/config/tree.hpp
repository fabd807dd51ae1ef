#pragma once
// The syntax of swanctl.conf and strongswan.conf: text to a tree of sections, with the place of
// every entry. What the keywords mean is config.hpp's business.
//
//     name { key = value  inner { ... } }     sections nest; `}` may follow on the same line
//     name : base, other.base { ... }         takes over what those sections (absolute names) hold
//     key =                                   an empty value: removes an inherited one
//     include conf.d/*.conf                   relative to this file; globs; in any section
//     # comment, "quoted \n value", several lines of one section are merged

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "vici/message.hpp"

namespace culvert::config {

// Where something stands. Files are shared between the places in them.
struct Place {
    std::shared_ptr<const std::string> file;  // null: not from a file
    unsigned line = 0;                        // from 1; 0: the file as a whole
    unsigned column = 0;                      // from 1; 0: the line as a whole

    std::string to_string() const;  // "swanctl.conf:12", or "" without a file
};

struct EntryPlace;

// Beside a vici::Section: one for each of its entries, in the same order.
struct SectionPlaces {
    std::vector<EntryPlace> entries;
};
struct EntryPlace {
    Place place;
    SectionPlaces section;    // of an entry that is one
    bool incomplete = false;  // a file or a section that it takes from is not there
};

struct SyntaxProblem {
    Place place;
    std::string what;
    std::string remedy;
    bool warning = false;
    bool apart = false;  // costs only the section that it stands in, which is incomplete

    std::string to_string() const;
};

struct SourceFile {
    std::shared_ptr<const std::string> name;
    bool others_may_read = false;
};

struct Tree {
    vici::Section root;  // values and sections only; lists are still comma-separated values
    SectionPlaces places;
    // At most one error a file, then what follows in it is not read; but for those that stand
    // apart.
    std::vector<SyntaxProblem> problems;
    std::vector<SourceFile> files;  // that were read, in order
    // Top-level sections that others refer to: templates, perhaps of any name.
    std::set<std::string, std::less<>> templates;

    bool ok() const;  // no problem but warnings
};

// Files, for what is included. The real one is disk(); tests and the fuzzer have theirs.
class FileSystem {
 public:
    FileSystem() = default;
    FileSystem(const FileSystem&) = delete;
    FileSystem& operator=(const FileSystem&) = delete;
    FileSystem(FileSystem&&) = delete;
    FileSystem& operator=(FileSystem&&) = delete;
    virtual ~FileSystem() = default;

    struct File {
        std::string text;
        bool others_may_read = false;  // mode & 0004
    };
    // not_found, permission, limit_reached (file_size_max), system.
    virtual Result<File> read(const std::string& path) const = 0;
    // Sorted; a pattern without a wildcard is the path itself if that exists.
    virtual Result<std::vector<std::string>> glob(const std::string& pattern) const = 0;
    // One name for one file, however it is written: loops are found by it.
    virtual std::string identity(const std::string& path) const { return path; }
};

const FileSystem& disk();

Tree parse_file(const std::string& path, const FileSystem& files);
// `name` stands for the file in messages; includes are relative to its folder.
Tree parse_text(std::string_view text, const std::string& name, const FileSystem& files);
// Includes are refused.
Tree parse_text(std::string_view text, const std::string& name);

// A value as a list: cut at commas that are not within double quotes, blanks taken off, quotes
// taken away, empty items left out.
vici::List split_list(std::string_view value);

}  // namespace culvert::config
