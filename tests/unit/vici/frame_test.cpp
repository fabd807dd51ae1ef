#include "vici/frame.hpp"

#include <gtest/gtest.h>

#include "vici/limits.hpp"

namespace culvert::vici {
namespace {

TEST(Frame, PutsTheLengthInFront) {
    EXPECT_EQ(to_hex(frame(*from_hex("010203"))), "00000003010203");
    EXPECT_EQ(to_hex(frame({})), "00000000");
}

TEST(FrameReader, CutsHoweverTheOctetsCome) {
    Bytes stream;
    for (const char* packet : {"0a", "", "0b0c0d", "0e"}) {
        append(stream, frame(*from_hex(packet)));
    }
    for (std::size_t step = 1; step <= stream.size(); ++step) {
        FrameReader reader;
        std::string got;
        for (std::size_t at = 0; at < stream.size(); at += step) {
            reader.feed(ByteView{stream}.subspan(at, std::min(step, stream.size() - at)));
            while (true) {
                const auto packet = reader.next();
                ASSERT_TRUE(packet.has_value());
                if (!*packet) { break; }
                got += to_hex(**packet) + ".";
            }
        }
        EXPECT_EQ(got, "0a..0b0c0d.0e.") << "in steps of " << step;
        EXPECT_EQ(reader.buffered(), 0U);
    }
}

// the length is believed only when it is one that can be.
TEST(FrameReader, X01RefusesALengthAboveTheLimitAtOnce) {
    FrameReader reader;
    reader.feed(*from_hex("00080000"));  // 512 KiB exactly
    EXPECT_TRUE(reader.next().has_value());
    FrameReader other;
    other.feed(*from_hex("00080001"));
    const auto refused = other.next();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().received, "a length of 524289");
    FrameReader http;
    http.feed(as_bytes("GET / HTTP/1.1\r\n"));
    EXPECT_FALSE(http.next().has_value());
}

TEST(FrameReader, HoldsNoMoreThanWhatIsNotTaken) {
    FrameReader reader;
    const Bytes one = frame(Bytes(1000));
    for (int i = 0; i < 10'000; ++i) {
        reader.feed(one);
        reader.feed(ByteView{one}.first(10));
        ASSERT_TRUE(reader.next().value().has_value());
        ASSERT_FALSE(reader.next().value().has_value());
        EXPECT_EQ(reader.buffered(), 10U);
        reader.feed(ByteView{one}.subspan(10));
        ASSERT_TRUE(reader.next().value().has_value());
    }
    EXPECT_EQ(reader.buffered(), 0U);
}

}  // namespace
}  // namespace culvert::vici
