// The syntax of strongswan.conf(5), "Grammar", "Referencing sections", "Including files".

#include "config/tree.hpp"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/limits.hpp"
#include "memory_files.hpp"

namespace culvert::config {
namespace {

// One line for all of a tree, to compare: "a{b=c;d{}}".
std::string show(const vici::Section& section) {
    std::string out;
    for (const vici::Entry& entry : section.entries) {
        if (!out.empty()) { out += ';'; }
        if (const auto* value = std::get_if<std::string>(&entry.element)) {
            out += entry.key + "=" + *value;
        } else {
            out += entry.key + "{" + show(std::get<vici::Section>(entry.element)) + "}";
        }
    }
    return out;
}

std::string show(const std::vector<SyntaxProblem>& problems) {
    std::string out;
    for (const SyntaxProblem& problem : problems) { out += problem.to_string() + "\n"; }
    return out;
}

struct Case {
    const char* text;
    const char* want;
};

TEST(Tree, ReadsEveryFormOfTheGrammar) {
    for (const Case& c : std::initializer_list<Case>{
             {"", ""},
             {"\n# only a comment", ""},
             {"a = b", "a=b"},
             {"a=b\nc = d\r\ne\t=\tf", "a=b;c=d;e=f"},
             {"a { }", "a{}"},
             {"a { b = c }", "a{b=c}"},
             {"a{b=c}", "a{b=c}"},
             {"a { b { c { d = e } } f = g\n}", "a{b{c{d=e}};f=g}"},
             {"a\n{\n b = c # and why\n # more\n}\n", "a{b=c}"},
             {"a {} b {} c = d", "a{};b{};c=d"},
             {"a = some more   words ", "a=some more words"},
             {"a = \"quoted # { } = text\"", "a=quoted # { } = text"},
             {"a = \"say \\\"x\\\" and \\\\\"", "a=say \"x\" and \\"},
             {"a = \"one\\ntwo\\tthree\"", "a=one\ntwo\tthree"},
             {"a = \"one \\\ntwo\"", "a=one two"},
             {"a = \"one\ntwo\"\nb = c", "a=one\ntwo;b=c"},
             {"a = \"with\" \"two\" words", "a=with two words"},
             {"a = b{c, d:e=f", "a=b{c, d:e=f"},
             {"\"a name\" = x\n\"s.t\" { \"}\" = y }", "a name=x;s.t{}=y}"},
             {"a { b = 1 }\nc = 2\na { d = 3 }", "a{b=1;d=3};c=2"},
             {"a { b = 1 }\na { b = 2 }", "a{b=2}"},
             {"a =\nb = c", "b=c"},
             {"a =\n", ""},
             {"a = # nothing\nb = c", "b=c"},
             {"include = x\nincludes { include { include = y } }",
              "include=x;includes{include{include=y}}"},
             {"\xef\xbb\xbf"
              "a = b",
              "a=b"},
         }) {
        const Tree tree = parse_text(c.text, "t.conf");
        EXPECT_EQ(show(tree.root), c.want) << c.text;
        EXPECT_TRUE(tree.ok()) << show(tree.problems);
    }
}

TEST(Tree, FollowsReferences) {
    for (const Case& c : std::initializer_list<Case>{
             // What strongswan.conf(5) says: own first, then inherited, left to right.
             {"b { x = 1\n y = 2 }\na : b { y = 3\n z = 4 }", "b{x=1;y=2};a{y=3;z=4;x=1}"},
             {"a : b, c { }\nb { x = 1 }\nc { x = 2\n y = 3 }", "a{x=1;y=3};b{x=1};c{x=2;y=3}"},
             // An empty value takes an inherited one away.
             {"b { x = 1\n y = 2 }\na : b { x = \n }", "b{x=1;y=2};a{y=2}"},
             // Sub-sections are merged as well.
             {"b { s { x = 1\n y = 2 } }\na : b { s { x = 3 } t { } }",
              "b{s{x=1;y=2}};a{s{x=3;y=2};t{}}"},
             // Absolute, dotted names; chains.
             {"t { u { x = 1 } v : t.u { y = 2 } }\na : t.v { }",
              "t{u{x=1};v{y=2;x=1}};a{y=2;x=1}"},
             {"\"t.u\" { x = 1 }\na : \"t.u\" { }", "t.u{x=1};a{x=1}"},
             // Two sections of one name add their references.
             {"b { x = 1 }\nc { y = 2 }\na : b { }\na : c { z = 3 }",
              "b{x=1};c{y=2};a{z=3;x=1;y=2}"},
             // The same section twice counts once.
             {"b { x = 1 }\nc : b { }\na : b, c { }", "b{x=1};c{x=1};a{x=1}"},
         }) {
        const Tree tree = parse_text(c.text, "t.conf");
        EXPECT_EQ(show(tree.root), c.want) << c.text;
        EXPECT_TRUE(tree.problems.empty()) << show(tree.problems);
    }
}

TEST(Tree, SaysWhatIsWrongAndWhere) {
    for (const Case& c : std::initializer_list<Case>{
             {"a",
              "t.conf:1:2: error: expected \"=\" or \"{\" behind \"a\", found the end of the "
              "file\n"},
             {"a b = c", "t.conf:1:3: error: expected \"=\" or \"{\" behind \"a\", found \"b\"\n"},
             {"x = 1\n= 2", "t.conf:2:1: error: expected a name, found \"=\"\n"},
             {"a {\n b = c\n",
              "t.conf:3:1: error: expected \"}\" for the section \"a\" that begins in line 1, "
              "found the end of the file. To fix it: add the missing \"}\"\n"},
             {"a { }\n}\n",
              "t.conf:2:1: error: \"}\" without a section that it could close. To fix it: remove "
              "it, or look above for a section that ends too early; a value that holds a \"}\" "
              "must be in double quotes\n"},
             {"a = \"open\nb = c",
              "t.conf:1:5: error: a quoted text begins here and does not end. To fix it: add the "
              "closing double quote\n"},
             {"a : { }",
              "t.conf:1:5: error: expected the absolute name of a section, found "
              "\"{\"\n"},
             {"a : b c { }",
              "t.conf:1:7: error: expected \",\" or \"{\" behind a reference, found \"c\"\n"},
             {"a : bse { }\nbase { }",
              "t.conf:1:5: error: there is no section \"bse\" to take settings from. To fix it: "
              "did you mean \"base\"?\n"},
             {"a : b { }\nb : a { }",
              "t.conf:2:5: error: a section takes settings from \"a\", which leads back to "
              "itself. To fix it: break the circle of references\n"},
             {"a { b : a { } }",
              "t.conf:1:9: error: a section takes settings from \"a\", which leads back to "
              "itself. To fix it: break the circle of references\n"},
             {"a { b : a.b { } }",
              "t.conf:1:9: error: a section takes settings from \"a.b\", which leads back to "
              "itself. To fix it: break the circle of references\n"},
             {"a = 1\na { }",
              "t.conf:2:1: error: \"a\" is a section here but has a value at t.conf:1. To fix it: "
              "give one of the two another name\n"},
             {"a { }\na = 1",
              "t.conf:2:1: error: \"a\" is given a value here but is a section at t.conf:1. To "
              "fix it: give one of the two another name\n"},
             {"include x.conf", "t.conf:1:9: error: includes are not possible here\n"},
             {"s {\n a = 1\n b = 2\n a = 3\n}",
              "t.conf:4:2: warning: \"a\" is set already in line 2; this value replaces that one. "
              "To fix it: remove one of the two\n"},
             {"c {\n h { }\n h { }\n}",
              "t.conf:3:2: warning: the section \"h\" is there already in line 2; the two are "
              "merged, and of equal keys the later one counts. To fix it: give it another name, "
              "or join the two\n"},
             {"id = @#68656c6c6f",
              "t.conf:1:7: warning: \"#\" begins a comment here, in the middle of a word. To fix "
              "it: put the value in double quotes if the \"#\" belongs to it\n"},
             {"\"a\\nb\" = c", "t.conf:1:1: error: a name with a control character in it\n"},
         }) {
        EXPECT_EQ(show(parse_text(c.text, "t.conf").problems), c.want) << c.text;
    }
}

TEST(Tree, BoundsNamesValuesAndDepth) {
    EXPECT_TRUE(parse_text(std::string(256, 'n') + " { }", "t").ok());
    EXPECT_EQ(show(parse_text(std::string(257, 'n') + " { }", "t").problems),
              "t:1:1: error: a name of more than 256 characters\n");
    EXPECT_TRUE(parse_text("a = " + std::string(value_size_max, 'v'), "t").ok());
    EXPECT_EQ(show(parse_text("a = " + std::string(value_size_max + 1, 'v'), "t").problems),
              "t:1:5: error: a value of more than 65535 characters\n");
    EXPECT_EQ(show(parse_text(std::string("a = b\0c", 7), "t").problems),
              "t:1:5: error: a value with a control character in it\n");
    std::string deep;
    for (int i = 0; i < 100'000; ++i) { deep += "a{"; }
    EXPECT_EQ(show(parse_text(deep, "t").problems),
              "t:1:33: error: sections nest more than 16 deep\n");
}

TEST(Tree, KnowsWhereEveryEntryStands) {
    const MemoryFiles files{{"/etc/swanctl.conf", "connections {\n  include conf.d/*.conf\n}\n"},
                            {"/etc/conf.d/a.conf", "\nhome {\n    version = 2\n}\n"}};
    const Tree tree = parse_file("/etc/swanctl.conf", files);
    ASSERT_TRUE(tree.ok()) << show(tree.problems);
    EXPECT_EQ(show(tree.root), "connections{home{version=2}}");
    const EntryPlace& home = tree.places.entries.at(0).section.entries.at(0);
    EXPECT_EQ(home.place.to_string(), "/etc/conf.d/a.conf:2");
    EXPECT_EQ(home.section.entries.at(0).place.to_string(), "/etc/conf.d/a.conf:3");
    EXPECT_EQ(home.section.entries.at(0).place.column, 5U);
}

TEST(Tree, IncludesByPatternInOrderAndIntoTheSectionAtHand) {
    const MemoryFiles files{
        {"/c/main.conf", "a { x = 1\n include \"sub/*.conf\" }\ninclude none/*.conf\nz = 9"},
        {"/c/sub/1.conf", "x = 2\nb { y = 3 }"},
        {"/c/sub/2.conf", "b { y = 4 }\ninclude deeper/one.conf"},
        {"/c/sub/3.other", "broken {"},
        {"/c/sub/deeper/one.conf", "w = 5"}};
    const Tree tree = parse_file("/c/main.conf", files);
    EXPECT_EQ(show(tree.problems), "");
    EXPECT_EQ(show(tree.root), "a{x=2;b{y=4};w=5};z=9");
    ASSERT_EQ(tree.files.size(), 4U);
    EXPECT_EQ(*tree.files.back().name, "/c/sub/deeper/one.conf");
}

TEST(Tree, RefusesIncludesThatLoopOrMiss) {
    const MemoryFiles files{{"/c/a.conf", "include b.conf"},
                            {"/c/b.conf", "x = 1\ninclude c.conf"},
                            {"/c/c.conf", "include a.conf"},
                            {"/c/self.conf", "include self.conf"},
                            {"/c/missing.conf", "include nowhere.conf"},
                            {"/c/two.conf", "include bad1.conf\ninclude bad2.conf\ny = 1"},
                            {"/c/bad1.conf", "{"},
                            {"/c/bad2.conf", "}"}};
    EXPECT_EQ(show(parse_file("/c/a.conf", files).problems),
              "/c/c.conf:1:9: error: a file includes itself: /c/a.conf -> /c/b.conf -> /c/c.conf "
              "-> /c/a.conf. To fix it: break the chain\n");
    EXPECT_EQ(show(parse_file("/c/self.conf", files).problems),
              "/c/self.conf:1:9: error: a file includes itself: /c/self.conf -> /c/self.conf. To "
              "fix it: break the chain\n");
    EXPECT_EQ(show(parse_file("/c/missing.conf", files).problems),
              "/c/missing.conf:1:9: error: the file \"/c/nowhere.conf\" does not exist. To fix "
              "it: create it, or remove the include\n");
    EXPECT_EQ(show(parse_file("/c/gone.conf", files).problems),
              "/c/gone.conf: error: cannot be read: No such file or directory. To fix it: create "
              "the file, or name another one\n");
    // Each file's first mistake is told; what stands behind is read.
    const Tree two = parse_file("/c/two.conf", files);
    EXPECT_EQ(two.problems.size(), 2U) << show(two.problems);
    EXPECT_EQ(show(two.root), "y=1");
}

TEST(Tree, BoundsTheDepthOfIncludes) {
    std::map<std::string, FileSystem::File> many;
    for (int i = 0; i < 30; ++i) {
        many[fmt::format("/{}", i)] = {.text = fmt::format("include {}", i + 1)};
    }
    const Tree tree = parse_file("/0", MemoryFiles{many});
    ASSERT_EQ(tree.problems.size(), 1U);
    EXPECT_TRUE(tree.problems[0].what.starts_with("includes nest more than 16 deep: /0 -> /1"))
        << tree.problems[0].what;
}

// what grows without end by references ends at a limit.
TEST(Tree, X04ReferenceBombEndsAtALimit) {
    std::string bomb = "s0 { a { } b { } }\n";
    for (int i = 1; i < 15; ++i) {
        bomb += fmt::format("s{} {{\n", i);
        for (int j = 0; j < 10; ++j) { bomb += fmt::format("c{} : s{} {{ }}\n", j, i - 1); }
        bomb += "}\n";
    }
    const Tree tree = parse_text(bomb, "t");
    ASSERT_FALSE(tree.ok());
    EXPECT_TRUE(tree.problems[0].what.starts_with("more than 1000000 settings"))
        << tree.problems[0].what;
}

TEST(Tree, X04TenThousandConnectionsAreRead) {
    std::string text = "connections {\n";
    for (int i = 0; i < 10'000; ++i) {
        text += fmt::format("c{} {{ version = 2\n children {{ n {{ mode = tunnel\n }} }} }}\n", i);
    }
    const Tree tree = parse_text(text + "}\n", "t");
    EXPECT_EQ(show(tree.problems), "");
    EXPECT_EQ(tree.root.section("connections")->entries.size(), 10'000U);
}

TEST(SplitList, CutsAtCommasOutsideQuotes) {
    using List = vici::List;
    EXPECT_EQ(split_list(""), List{});
    EXPECT_EQ(split_list(" , ,"), List{});
    EXPECT_EQ(split_list("a"), (List{"a"}));
    EXPECT_EQ(split_list(" a ,b, c d "), (List{"a", "b", "c d"}));
    EXPECT_EQ(split_list("\"C=CH, CN=x\", y"), (List{"C=CH, CN=x", "y"}));
    EXPECT_EQ(split_list("a , \" b \" ,c"), (List{"a", " b ", "c"}));
}

}  // namespace
}  // namespace culvert::config
