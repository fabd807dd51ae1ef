#pragma once
// A swanctl.conf being written, and what could not be put into it.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace culvert::cli {

class SwanctlWriter {
 public:
    void open(const std::string& name);
    void close();
    // Nothing is written for no value.
    void set(std::string_view key, const std::optional<std::string>& value);
    void set_list(std::string_view key, const std::vector<std::string>& values);
    void comment(std::string_view text);
    // A comment where it stood, and a line of the report.
    void left_out(const std::string& what);
    // Carried over, but to be looked at: also both.
    void look_at(const std::string& what);

    const std::string& text() const { return out_; }
    const std::vector<std::string>& notes() const { return notes_; }

 private:
    void line(const std::string& text);

    std::string out_;
    std::vector<std::string> notes_;
    std::size_t depth_ = 0;
};

}  // namespace culvert::cli
