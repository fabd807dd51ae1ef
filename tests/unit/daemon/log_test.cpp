// The log: formats, levels at run time, several outputs, and strongswan.conf's words for them.

#include "daemon/log.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "daemon/log_outputs.hpp"
#include "support/scratch.hpp"

namespace culvert::daemon {
namespace {

LogRecord a_record() {
    return {.group = LogGroup::ike,
            .severity = Severity::warn,
            .text = "IKE_AUTH with 192.0.2.2:4500: no_proposal_chosen",
            .connection = "home",
            .child = "net",
            .ike_unique_id = 7,
            .remote = Endpoint::parse("192.0.2.2:4500")};
}

std::string contents(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, std::istreambuf_iterator<char>{}};
}

TEST(Log, ARecordIsOneLineInEachFormat) {
    const LogRecord record = a_record();
    EXPECT_TRUE(to_text(record).ends_with(
        "warn  ike    home#7/net: IKE_AUTH with 192.0.2.2:4500: no_proposal_chosen"));
    const auto json = nlohmann::json::parse(to_json(record));
    EXPECT_EQ(json["level"], "warn");
    EXPECT_EQ(json["group"], "ike");
    EXPECT_EQ(json["connection"], "home");
    EXPECT_EQ(json["child"], "net");
    EXPECT_EQ(json["ike_unique_id"], 7);
    EXPECT_EQ(json["remote"], "192.0.2.2[4500]");
    EXPECT_EQ(json["message"], record.text);
    EXPECT_EQ(to_journal(record),
              "MESSAGE=home#7/net: IKE_AUTH with 192.0.2.2:4500: no_proposal_chosen\n"
              "PRIORITY=4\nSYSLOG_IDENTIFIER=culvertd\nCULVERT_GROUP=ike\n"
              "CULVERT_CONNECTION=home\nCULVERT_CHILD=net\nCULVERT_IKE_ID=7\n"
              "CULVERT_REMOTE=192.0.2.2[4500]\n");
}

// no value of a record begins a field of its own in the journal.
TEST(Log, X03ALineEndInAValueIsPartOfItInTheJournal) {
    LogRecord record = a_record();
    record.connection = "a\nPRIORITY=0";
    const std::string got = to_journal(record);
    EXPECT_NE(got.find(std::string{"CULVERT_CONNECTION\n\x0c\0\0\0\0\0\0\0a\nPRIORITY=0\n", 40}),
              std::string::npos)
        << got;
}

TEST(Log, LevelsAreByGroupAndChangeAsAWhole) {
    LogLevels levels;
    EXPECT_TRUE(levels.wants(LogGroup::ike, Severity::info));
    EXPECT_FALSE(levels.wants(LogGroup::ike, Severity::debug));
    ASSERT_TRUE(levels.change("warn,ike=trace,plane=none"));
    EXPECT_TRUE(levels.wants(LogGroup::ike, Severity::trace));
    EXPECT_FALSE(levels.wants(LogGroup::daemon, Severity::info));
    EXPECT_FALSE(levels.wants(LogGroup::plane, Severity::error));
    EXPECT_EQ(levels.level(LogGroup::ike), "trace");
    EXPECT_EQ(levels.level(LogGroup::plane), "none");
    for (const char* wrong : {"info,ike=loud", "nobody=info", "format=json", "file=/x", "ike"}) {
        const Status done = levels.change(wrong);
        ASSERT_FALSE(done) << wrong;
        EXPECT_EQ(done.error().code, ErrorCode::config);
    }
    EXPECT_EQ(levels.level(LogGroup::config), "warn");
}

TEST(Log, EachOutputGetsWhatItWants) {
    const std::string one = test::scratch("log-one");
    const std::string two = test::scratch("log-two");
    std::ofstream{two} << "old\n";
    auto spec = LogSpec::parse("warn,file=" + one);
    ASSERT_TRUE(spec);
    auto log = Log::open(*spec, true);
    ASSERT_TRUE(log);
    use_outputs(**log, {{.kind = config::LogOutput::Kind::file,
                         .name = two,
                         .levels = {{"default", -1}, {"cfg", 2}},
                         .append = false}});
    (*log)->info(LogGroup::config, "for the second");
    (*log)->warn(LogGroup::daemon, "for the first");
    (*log)->info(LogGroup::daemon, "for nobody's file");
    (*log)->debug(LogGroup::daemon, "for nobody");
    EXPECT_FALSE(contents(one).contains("second"));
    EXPECT_TRUE(contents(one).contains("for the first"));
    EXPECT_TRUE(contents(two).contains("for the second"));
    EXPECT_FALSE(contents(two).contains("old"));
    EXPECT_FALSE(contents(one).contains("nobody") || contents(two).contains("nobody"));
    // `culvert log` and VICI have all from info on.
    EXPECT_EQ((*log)->recent().size(), 3U);
    // One that cannot be opened is told in the others, and the rest goes on.
    use_outputs(**log, {{.name = "/nowhere/at/all"}});
    EXPECT_TRUE(contents(one).contains("/nowhere/at/all"));
    (*log)->info(LogGroup::config, "for nobody any more");
    EXPECT_FALSE(contents(two).contains("any more"));
    LogLevels more = (*log)->levels();
    ASSERT_TRUE(more.change("config=info"));
    (*log)->set_levels(more);
    (*log)->info(LogGroup::config, "for the first again");
    EXPECT_TRUE(contents(one).contains("for the first again"));
}

// logrotate has made a file that we may not write to: the old one is better than none.
TEST(Log, AnOutputThatCannotBeOpenedAgainGoesOnAsItWas) {
    const std::string first = test::scratch("log-main");
    const std::string place = test::scratch("log-folder");
    std::filesystem::create_directory(place);
    const std::string file = place + "/log";
    auto log = Log::open(*LogSpec::parse("warn,file=" + first), true);
    ASSERT_TRUE(log);
    use_outputs(**log, {{.name = file, .levels = {{"default", 1}}}});
    // Moved away: nothing can be opened under its name any more, even by root.
    std::filesystem::rename(place, place + ".moved");
    use_outputs(**log, {{.name = file, .levels = {{"default", 2}}}});
    EXPECT_TRUE(contents(first).contains("what was open goes on"));
    (*log)->debug(LogGroup::daemon, "still written");
    EXPECT_TRUE(contents(place + ".moved/log").contains("still written"));
    EXPECT_EQ((*log)->lost(), 0U);
}

TEST(Log, StrongswansLevelsAreOurs) {
    config::LogOutput output{.name = "/x"};
    EXPECT_EQ(spec_of(output).levels.level(LogGroup::plane), "info");
    // It tells of each exchange on level 1, in enc and net.
    EXPECT_EQ(spec_of(output).levels.level(LogGroup::ike), "debug");
    output.levels = {{"default", 1}, {"enc", 0}, {"net", 0}, {"knl", 3}, {"cfg", -1}, {"dmn", 0}};
    EXPECT_EQ(spec_of(output).levels.level(LogGroup::ike), "info");
    EXPECT_EQ(spec_of(output).levels.level(LogGroup::plane), "trace");
    EXPECT_EQ(spec_of(output).levels.level(LogGroup::config), "none");
    output.levels = {{"default", -1}, {"chd", 2}};
    EXPECT_EQ(spec_of(output).levels.level(LogGroup::ike), "debug");
    EXPECT_EQ(spec_of(output).levels.level(LogGroup::daemon), "none");
}

}  // namespace
}  // namespace culvert::daemon
