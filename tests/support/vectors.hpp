#pragma once
// Test vectors that others made, read from the shared data directory (environment variable
// CULVERT_SHARED; "../shared" from the source root when it is not set).

#include <filesystem>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/bytes.hpp"

namespace culvert::test {

using Json = nlohmann::json;

// Where `relative` lies in the shared data; nothing when it is not there.
std::optional<std::filesystem::path> shared_path(std::string_view relative);

// The whole file; nothing when it is not there.
std::optional<Bytes> load_shared_file(std::string_view relative);

// The file parsed ("vectors/rfc/prf.json"); nothing when it is not there. A file that is there and
// is no JSON fails the test.
std::optional<Json> load_shared_json(std::string_view relative);

// The octets of a hex text; a text that is no hex fails the test and gives none.
Bytes hex(std::string_view text);
// Of a member of a JSON object.
Bytes hex(const Json& object, std::string_view key);

}  // namespace culvert::test

// In a test body: `const Json name = the file`, or the test is skipped, saying what is missing.
#define CULVERT_SHARED_JSON(name, relative)                                                     \
    const auto name##_file = ::culvert::test::load_shared_json(relative);                       \
    if (!name##_file) {                                                                         \
        GTEST_SKIP() << "no " << (relative) << " in the shared data: set CULVERT_SHARED to the" \
                     << " directory that holds it";                                             \
    }                                                                                           \
    const ::culvert::test::Json& name = *name##_file
