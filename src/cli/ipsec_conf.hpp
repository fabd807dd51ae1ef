#pragma once
// ipsec.conf (strongSwan's starter, Libreswan), read: sections, what they include, what a conn
// inherits. What the keywords mean is import's business.

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hpp"

namespace culvert::cli {

struct IpsecSection {
    std::string kind;  // "conn", "ca", "config"
    std::string name;
    std::vector<std::pair<std::string, std::string>> entries;
};

// With the files that it includes, globs too. not_found: one cannot be read; malformed: a line that
// is nothing, with its place.
Result<std::vector<IpsecSection>> read_ipsec_conf(const std::string& file);

// One conn with what it inherits: %default first, then "also" in order, then itself.
class IpsecConn {
 public:
    IpsecConn(const std::vector<IpsecSection>& all, const IpsecSection& own);

    const std::string& name() const { return name_; }
    bool has(const std::string& key) const { return values_.contains(key); }
    std::optional<std::string> value(const std::string& key) const;
    // Takes the value out: what is left in the end was not understood.
    std::optional<std::string> take(const std::string& key);
    // Of several names of one thing the last that is there.
    std::optional<std::string> take_any(std::initializer_list<const char*> keys);
    const std::map<std::string, std::string>& rest() const { return values_; }
    // Conns that it is to inherit, and that are not there (or too deep).
    const std::vector<std::string>& missing() const { return missing_; }

 private:
    void take_over(const std::vector<IpsecSection>& all, const IpsecSection& section, int depth);

    std::string name_;
    std::map<std::string, std::string> values_;
    std::vector<std::string> missing_;
};

// The text of a file, and the files that a pattern of an include names.
Result<std::string> read_import_file(const std::string& file);
std::vector<std::string> included_files(const std::string& from, const std::string& pattern);

std::string trimmed(std::string_view text);
// Without the quotes around it, if there are any.
std::string unquoted(const std::string& text);
// A "#" begins a comment, unless it stands in quotes.
std::string without_comment(std::string_view line);
// Separated by commas or blanks, in braces or not.
std::vector<std::string> words_of(std::string_view text);
// The same as a list of swanctl.conf.
std::string joined_words(std::string_view text);

}  // namespace culvert::cli
