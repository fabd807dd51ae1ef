#include "base/reader.hpp"

#include <gtest/gtest.h>

namespace culvert {
namespace {

const Bytes nine{1, 2, 3, 4, 5, 6, 7, 8, 9};

TEST(Reader, ReadsNetworkOrder) {
    Reader in{nine};
    EXPECT_EQ(in.u8(), 1U);
    EXPECT_EQ(in.u16(), 0x0203U);
    EXPECT_EQ(in.u32(), 0x04050607U);
    EXPECT_EQ(in.left(), 2U);
    EXPECT_EQ(in.position(), 7U);
    EXPECT_EQ(to_hex(in.rest()), "0809");
    EXPECT_FALSE(in.more());
    EXPECT_TRUE(in.finish(0, "thing"));
    Reader wide{nine};
    EXPECT_EQ(wide.u64(), 0x0102030405060708U);
    EXPECT_EQ(Reader{Bytes(8, 0xff)}.u64(), ~std::uint64_t{0});
}

// Every width at every distance from the end.
TEST(Reader, AShortReadGivesZeroAndSticks) {
    const auto check = [](std::size_t size, std::size_t width, auto read) {
        SCOPED_TRACE(testing::Message() << size << " octets, width " << width);
        Reader in{ByteView{nine}.first(size)};
        const auto value = read(in);
        EXPECT_EQ(in.failed(), size < width);
        if (size >= width) { return; }
        EXPECT_EQ(value, 0U);
        EXPECT_EQ(in.left(), 0U);  // a loop over more() ends
        EXPECT_EQ(in.u8(), 0U);    // though an octet would be there
        EXPECT_TRUE(in.rest().empty());
        const auto result = in.finish(1, "thing");
        ASSERT_FALSE(result);
        EXPECT_EQ(explain(result.error()),
                  "malformed: wanted a well-formed thing; got one that ends early");
    };
    for (std::size_t size = 0; size <= nine.size(); ++size) {
        check(size, 1, [](Reader& in) { return in.u8(); });
        check(size, 2, [](Reader& in) { return in.u16(); });
        check(size, 4, [](Reader& in) { return in.u32(); });
        check(size, 8, [](Reader& in) { return in.u64(); });
        check(size, 5, [](Reader& in) { return in.bytes(5).size() / 5 * 0; });
        check(size, 3, [](Reader& in) { return in.skip(3), 0U; });
    }
}

TEST(Reader, BytesOfAHugeCountAreAShortRead) {
    for (const auto count : {~std::size_t{0}, ~std::size_t{0} / 2, std::size_t{10}}) {
        Reader in{nine};
        in.u8();
        EXPECT_TRUE(in.bytes(count).empty());
        EXPECT_TRUE(in.failed());
    }
}

TEST(Reader, FinishRefusesLeftovers) {
    Reader in{nine};
    in.u8();
    const auto result = in.finish(1, "thing");
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::malformed);
    EXPECT_NE(result.error().received.find("left over"), std::string::npos);
    Reader open{nine};
    open.u8();
    EXPECT_EQ(open.finish_open(7, "thing"), 7);
}

TEST(Reader, TheFirstReasonStays) {
    Reader in{nine};
    in.fail("carries no nonce");
    in.fail("is too late");
    in.u64();
    EXPECT_EQ(in.why(), "carries no nonce");
    EXPECT_TRUE(in.failed());
    EXPECT_EQ(in.left(), 0U);
}

TEST(Reader, ASubReaderHasItsOwnEndAndItsOwnFailure) {
    Reader in{nine};
    Reader inner = in.sub(4);
    EXPECT_EQ(inner.u32(), 0x01020304U);
    EXPECT_EQ(inner.u8(), 0U);
    EXPECT_TRUE(inner.failed());
    EXPECT_FALSE(in.failed());
    EXPECT_EQ(in.u8(), 5U);
    Reader none = in.sub(5);
    EXPECT_TRUE(in.failed());
    EXPECT_EQ(none.left(), 0U);
}

TEST(Reader, NothingIsReadFromNothing) {
    Reader in{ByteView{}};
    EXPECT_FALSE(in.more());
    EXPECT_TRUE(in.rest().empty());
    EXPECT_TRUE(in.finish(0, "thing"));
    in.skip(0);
    EXPECT_FALSE(in.failed());
}

}  // namespace
}  // namespace culvert
