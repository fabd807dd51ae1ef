#include "cli/terminal.hpp"

#include <gtest/gtest.h>

namespace culvert::cli {
namespace {

TEST(Terminal, GetsNoControlCharactersButOurOwn) {
    EXPECT_EQ(fit_for_terminal("a name\n\tand more"), "a name\n\tand more");
    EXPECT_EQ(fit_for_terminal("\x1b[31mup\x1b[0m"), "\x1b[31mup\x1b[0m");
    EXPECT_EQ(fit_for_terminal("\x1b[1;32mup"), "\x1b[1;32mup");
    EXPECT_EQ(fit_for_terminal("\x1b[2J\x07\r\x7f"), "\\x1b[2J\\x07\\x0d\\x7f");
    EXPECT_EQ(fit_for_terminal("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
    EXPECT_EQ(fit_for_terminal("\x1b[31"), "\\x1b[31");
    EXPECT_EQ(fit_for_terminal("caf\xc3\xa9 \xc2\x9b"), "caf\xc3\xa9 \\x9b");
}

TEST(Terminal, Utf8StaysAndOtherOctetsAreReplaced) {
    const std::string good = "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80";
    EXPECT_EQ(as_utf8(good), good);
    const std::string odd = "\xef\xbf\xbd";
    EXPECT_EQ(as_utf8("\xff"
                      "a"),
              odd + "a");
    EXPECT_EQ(as_utf8("\xc3"), odd);
    EXPECT_EQ(as_utf8("\xc0\xaf"), odd + odd);            // not the shortest form
    EXPECT_EQ(as_utf8("\xed\xa0\x80"), odd + odd + odd);  // a surrogate
    EXPECT_EQ(as_utf8("\xf4\x90\x80\x80"), odd + odd + odd + odd);
    EXPECT_EQ(as_utf8("\xe2\x82"), odd + odd);
}

}  // namespace
}  // namespace culvert::cli
