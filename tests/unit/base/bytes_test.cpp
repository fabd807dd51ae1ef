#include "base/bytes.hpp"

#include <string>

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Hex, GoesThereAndBack) {
    Bytes all;
    for (unsigned i = 0; i < 256; ++i) { all.push_back(static_cast<std::uint8_t>(i)); }
    const std::string text = to_hex(all);
    EXPECT_EQ(text.substr(0, 8), "00010203");
    EXPECT_EQ(text.substr(text.size() - 4), "feff");
    EXPECT_EQ(from_hex(text), all);
    EXPECT_EQ(from_hex("FEfe"), (Bytes{0xfe, 0xfe}));
    EXPECT_EQ(from_hex(""), Bytes{});
    EXPECT_EQ(to_hex({}), "");
}

TEST(Hex, RefusesWhatIsNone) {
    for (const char* const text : {"0", "000", "0g", "g0", " 00", "0x00", "-1", "00 "}) {
        EXPECT_FALSE(from_hex(text)) << text;
    }
    for (unsigned c = 0; c < 256; ++c) {
        const std::string text{'0', static_cast<char>(c)};
        const bool digit =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        EXPECT_EQ(from_hex(text).has_value(), digit) << c;
    }
}

TEST(Text, IsItsOctets) {
    EXPECT_EQ(to_hex(as_bytes("aZ")), "615a");
    EXPECT_EQ(as_text(Bytes{0x61, 0x5a}), "aZ");
    Bytes out{1};
    append(out, Bytes{2, 3});
    append(out, {});
    EXPECT_EQ(out, (Bytes{1, 2, 3}));
}

TEST(Printable, LetsOnlyPlainAsciiThrough) {
    EXPECT_EQ(printable("CN=moon, O=x y~"), "CN=moon, O=x y~");
    EXPECT_EQ(printable("a\nb\x1b[31m"), "a\\x0ab\\x1b[31m");
    EXPECT_EQ(printable("\\"), "\\x5c");  // so that nobody writes an escape of his own
    EXPECT_EQ(printable(std::string_view{"\0\x7f\xff", 3}), "\\x00\\x7f\\xff");
    for (unsigned c = 0; c < 256; ++c) {
        for (const char shown : printable(std::string(1, static_cast<char>(c)))) {
            EXPECT_TRUE(shown >= 0x20 && shown < 0x7f) << c;
        }
    }
}

TEST(Printable, CutsWhatIsLong) {
    EXPECT_EQ(printable("abcdef", 6), "abcdef");
    EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
    EXPECT_EQ(printable("\n\n", 1), "\\x0a...");
    EXPECT_EQ(printable(std::string(100'000, 'x')).size(), 256U + 3);
    EXPECT_EQ(printable("x", 0), "...");
    EXPECT_EQ(printable("", 0), "");
}

}  // namespace
}  // namespace culvert
