#pragma once
// The form of the Wycheproof files: groups with what their tests share, tests with a verdict.

#include <algorithm>
#include <string>
#include <string_view>

#include "support/vectors.hpp"

namespace culvert::test {

enum class Verdict { valid, invalid, acceptable };

inline Verdict verdict_of(const Json& test) {
    const auto result = test.at("result").get<std::string>();
    EXPECT_TRUE(result == "valid" || result == "invalid" || result == "acceptable") << result;
    if (result == "valid") { return Verdict::valid; }
    return result == "invalid" ? Verdict::invalid : Verdict::acceptable;
}

inline bool has_flag(const Json& test, std::string_view flag) {
    return std::ranges::any_of(test.at("flags"),
                               [&](const Json& one) { return one.get<std::string>() == flag; });
}

// For SCOPED_TRACE: which test of the file it is.
inline std::string name_of(const Json& test) {
    return "tcId " + test.at("tcId").dump() + " " + test.at("comment").get<std::string>();
}

// Runs `body(group, test)` over all tests of a file.
template <class Body>
void for_each_test(const Json& file, Body body) {
    for (const Json& group : file.at("testGroups")) {
        for (const Json& test : group.at("tests")) {
            SCOPED_TRACE(name_of(test));
            body(group, test);
        }
    }
}

}  // namespace culvert::test
