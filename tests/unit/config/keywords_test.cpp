// The table of keywords against the page that users read, and against strongSwan's list.

#include "config/keywords.hpp"

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "config/nearest.hpp"
#include "load_text.hpp"

namespace culvert::config {
namespace {

std::string read_file(const std::string& path) {
    std::ifstream in{path};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

std::string code(std::string_view text) {
    return text.empty() ? std::string{} : fmt::format("`{}`", text);
}

std::string table_for_docs() {
    std::string out;
    std::optional<SectionKind> section;
    for (const Keyword& keyword : keywords()) {
        if (section != keyword.section) {
            section = keyword.section;
            out += fmt::format(
                "\n### {}\n\n| keyword | takes | default | here | |\n"
                "|---|---|---|---|---|\n",
                name(keyword.section));
        }
        out += fmt::format("| `{}` | {} | {} | {} | {} |\n", keyword.name, keyword.type,
                           code(keyword.standard), name(keyword.status), keyword.note);
    }
    return out;
}

TEST(Keywords, AreInThePageForUsers) {
    const std::string page = read_file("docs/configuration.md");
    constexpr std::string_view begin = "<!-- keywords: begin -->\n";
    constexpr std::string_view end = "\n<!-- keywords: end -->";
    const auto from = page.find(begin);
    const auto to = page.find(end);
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    EXPECT_EQ(page.substr(from + begin.size(), to - from - begin.size()), table_for_docs())
        << "put the right-hand side into docs/configuration.md";
}

// strongSwan's 143, as ../shared/conventions.md lists them under each section's heading.
TEST(Keywords, AreAllOfStrongSwans) {
    const char* const shared = std::getenv("CULVERT_SHARED");
    const std::string text =
        read_file(std::string{shared == nullptr ? "../shared" : shared} + "/conventions.md");
    if (text.empty()) { GTEST_SKIP() << "conventions.md is not there (set CULVERT_SHARED)"; }
    std::map<std::string, std::set<std::string>> theirs;
    std::string section;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("### 3.2")) { break; }
        if (line.starts_with("**")) {
            section = line.substr(2, line.find("**", 2) - 2);
            section = section.substr(0, section.find(" ("));
            for (auto at = section.find("&lt;"); at != std::string::npos;
                 at = section.find("&lt;")) {
                section.replace(at, 4, "<");
            }
            for (auto at = section.find("&gt;"); at != std::string::npos;
                 at = section.find("&gt;")) {
                section.replace(at, 4, ">");
            }
        }
        const auto tick = line.find("| `");
        if (!line.starts_with("| [") || tick == std::string::npos) { continue; }
        theirs[section].insert(line.substr(tick + 3, line.find('`', tick + 3) - tick - 3));
    }
    std::map<std::string, std::set<std::string>> ours;
    std::size_t count = 0;
    for (const Keyword& keyword : keywords()) {
        if (keyword.name.starts_with("culvert_")) { continue; }  // what we add
        ours[std::string{name(keyword.section)}].insert(std::string{keyword.name});
        ++count;
    }
    EXPECT_EQ(ours, theirs);
    EXPECT_EQ(count, 143U);
}

// None is silent: each built one is read, each other one told of.
TEST(Keywords, EachHasAnEffectOrAWord) {
    for (const Keyword& keyword : keywords()) {
        std::string key{keyword.name};
        if (key.contains('<') || key.contains('.')) { continue; }
        SCOPED_TRACE(key);
        std::string text;
        const std::string entry = key + " = \"\\\"\"";  // a value that nothing takes
        switch (keyword.section) {
            case SectionKind::connection: text = connection_with(entry); break;
            case SectionKind::child: text = child_with(entry); break;
            case SectionKind::local:
            case SectionKind::remote:
                text =
                    fmt::format("connections {{ c {{ {} {{ {}\n }} }} }}",
                                keyword.section == SectionKind::local ? "local" : "remote", entry);
                break;
            default: continue;
        }
        bool told = false;
        for (const Problem& problem : load_text(text).problems) {
            told = told || problem.path.ends_with("." + key);
        }
        // An identity takes nearly anything.
        EXPECT_TRUE(told || key == "id" || key == "ca_id" || key == "ppk_id");
    }
}

TEST(Keywords, AreFoundWithTheirSuffix) {
    EXPECT_EQ(find_keyword(SectionKind::local, "cert-2")->name, "cert<suffix>");
    EXPECT_EQ(find_keyword(SectionKind::local, "certs")->name, "certs");
    EXPECT_EQ(find_keyword(SectionKind::remote, "cacert1")->name, "cacert<suffix>");
    EXPECT_EQ(find_keyword(SectionKind::secret, "ike-moon.id-1")->name, "ike<suffix>.id<suffix>");
    EXPECT_EQ(find_keyword(SectionKind::secret, "ike.secret")->name, "ike<suffix>.secret");
    EXPECT_EQ(find_keyword(SectionKind::pool, "dns")->name, "<attr>");
    EXPECT_EQ(find_keyword(SectionKind::child, "dns"), nullptr);
}

TEST(Nearest, CountsLettersPutInTakenOutChangedAndSwapped) {
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
    EXPECT_EQ(edit_distance("ab", "ba"), 1U);
    EXPECT_EQ(edit_distance("same", "same"), 0U);
    EXPECT_EQ(nearest("proposal", {"version", "proposals"}), "proposals");
    EXPECT_EQ(nearest("xyz", {"version", "proposals"}), std::nullopt);
}

}  // namespace
}  // namespace culvert::config
