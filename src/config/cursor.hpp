#pragma once
// A text, where we are in it, and the words of which swanctl.conf is made.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "config/tree.hpp"

namespace culvert::config {

class Cursor {
 public:
    Cursor(std::string_view text, std::shared_ptr<const std::string> file);

    bool at_end() const { return at_ == text_.size(); }
    // 0 at the end.
    char peek() const { return at_end() ? '\0' : text_[at_]; }
    void advance();
    Place place() const { return {file_, line_, static_cast<unsigned>(at_ - line_begin_ + 1)}; }

    // Blanks of one line; then also line ends and comments.
    void skip_blanks();
    void skip_space();

    // Letters up to one of `ends`, '#', or the end of the line. Empty where one of these is next.
    std::string_view word(std::string_view ends);
    // A text in double quotes, which is next. \n \r \t are what they are in C, any other escaped
    // character stands for itself, an escaped line end for nothing; line ends of Windows are as
    // others. False: it does not end.
    bool quoted(std::string& out);

    // For messages: "the end of the file", "the end of the line", or the word that comes.
    std::string found() const;

 private:
    std::string_view text_;
    std::shared_ptr<const std::string> file_;
    std::size_t at_ = 0;
    std::size_t line_begin_ = 0;
    unsigned line_ = 1;
};

}  // namespace culvert::config
