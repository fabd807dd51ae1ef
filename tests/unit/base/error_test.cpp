#include "base/error.hpp"

#include <cerrno>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(Explain, SaysWantedReceivedAndRemedy) {
    const Error error{.code = ErrorCode::no_proposal_chosen,
                      .wanted = "aes256gcm16",
                      .received = "3des",
                      .remedy = "add aes256gcm16 to the peer"};
    EXPECT_EQ(explain(error),
              "no_proposal_chosen: wanted aes256gcm16; got 3des. To fix it: add aes256gcm16 to the "
              "peer");
}

TEST(Explain, LeavesOutWhatIsEmpty) {
    EXPECT_EQ(explain({.code = ErrorCode::busy}), "busy");
    EXPECT_EQ(explain({.code = ErrorCode::busy, .wanted = "a"}), "busy: wanted a");
    EXPECT_EQ(explain({.code = ErrorCode::busy, .received = "b"}), "busy: got b");
    EXPECT_EQ(explain({.code = ErrorCode::busy, .wanted = "a", .remedy = "c"}),
              "busy: wanted a. To fix it: c");
}

TEST(ErrorCode, EachHasItsOwnLowerCaseName) {
    std::set<std::string_view> names;
    for (unsigned code = 0; code <= static_cast<unsigned>(ErrorCode::internal); ++code) {
        const std::string_view text = name(static_cast<ErrorCode>(code));
        EXPECT_FALSE(text.empty());
        EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
        EXPECT_TRUE(names.insert(text).second) << text;
    }
}

TEST(Malformed, ReadsOn) {
    EXPECT_EQ(explain(malformed("Key Exchange payload", "ends early")),
              "malformed: wanted a well-formed Key Exchange payload; got one that ends early");
}

TEST(SystemError, SaysWhatErrnoSaid) {
    const Error error = system_error("bind to 10.0.0.1[500]", EADDRINUSE);
    EXPECT_EQ(error.code, ErrorCode::system);
    EXPECT_NE(error.received.find("in use"), std::string::npos) << error.received;
}

}  // namespace
}  // namespace culvert
