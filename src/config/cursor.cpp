#include "config/cursor.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/bytes.hpp"

namespace culvert::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

Cursor::Cursor(std::string_view text, std::shared_ptr<const std::string> file)
    : text_(text), file_(std::move(file)) {
    constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
    if (text_.starts_with(byte_order_mark)) { text_.remove_prefix(byte_order_mark.size()); }
}

void Cursor::advance() {
    if (at_end()) { return; }
    if (text_[at_++] == '\n') {
        ++line_;
        line_begin_ = at_;
    }
}

void Cursor::skip_blanks() {
    while (!at_end() && is_blank(peek())) { advance(); }
}

void Cursor::skip_space() {
    while (!at_end()) {
        if (peek() == '#') {
            while (!at_end() && peek() != '\n') { advance(); }
        } else if (is_blank(peek()) || peek() == '\n') {
            advance();
        } else {
            return;
        }
    }
}

std::string_view Cursor::word(std::string_view ends) {
    const std::size_t begin = at_;
    while (!at_end() && !is_blank(peek()) && peek() != '\n' && peek() != '#' &&
           !ends.contains(peek())) {
        advance();
    }
    return text_.substr(begin, at_ - begin);
}

bool Cursor::quoted(std::string& out) {
    advance();
    while (!at_end()) {
        const char c = peek();
        advance();
        if (c == '"') { return true; }
        if (c != '\\') {
            if (c != '\r') { out += c; }
            continue;
        }
        if (at_end()) { return false; }
        const char escaped = peek();
        advance();
        switch (escaped) {
            case 'n': out += '\n'; break;
            case 'r': out += '\r'; break;
            case 't': out += '\t'; break;
            case '\n': break;
            case '\r':
                if (peek() != '\n') {
                    out += '\r';
                } else {
                    advance();
                }
                break;
            default: out += escaped;
        }
    }
    return false;
}

std::string Cursor::found() const {
    if (at_end()) { return "the end of the file"; }
    if (peek() == '\n') { return "the end of the line"; }
    Cursor ahead = *this;
    const std::string_view next = ahead.word("{}=:,\"");
    return fmt::format("\"{}\"", printable(next.empty() ? text_.substr(at_, 1) : next, 40));
}

}  // namespace culvert::config
