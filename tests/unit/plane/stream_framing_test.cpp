#include "plane/stream_framing.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "plane/demultiplex.hpp"

namespace culvert::plane {
namespace {

// What a reader makes of a stream that comes in pieces of `piece` octets.
struct Taken {
    std::vector<Bytes> messages;
    bool broken = false;
};

Taken take(ByteView stream, std::size_t piece, bool prefix) {
    StreamReader reader{prefix};
    Taken out;
    while (!stream.empty() && !reader.broken()) {
        const MutableByteView room = reader.room();
        const std::size_t count = std::min({piece, room.size(), stream.size()});
        std::copy_n(stream.begin(), count, room.begin());
        stream = stream.subspan(count);
        reader.arrived(count);
        while (const auto message = reader.next()) { out.messages.push_back(to_bytes(*message)); }
    }
    out.broken = reader.broken().has_value();
    return out;
}

Bytes prefixed() { return to_bytes(stream_prefix); }

void add(Bytes& stream, ByteView message) { append_stream_message(stream, message, false); }

// RFC 9329 4: what is written is what is read, wherever TCP cuts it.
TEST(StreamFraming, IsTheSameSplitAtEveryOctet) {
    const Bytes esp{1, 2, 3, 4, 0, 0, 0, 1, 9, 9};
    Bytes stream = prefixed();
    append_stream_message(stream, Bytes(28, 0x55), true);
    add(stream, Bytes{0xff});
    add(stream, esp);
    for (std::size_t cut = 1; cut < stream.size(); ++cut) {
        SCOPED_TRACE(cut);
        StreamReader reader{true};
        std::vector<Bytes> messages;
        for (const ByteView part : {ByteView{stream}.first(cut), ByteView{stream}.subspan(cut)}) {
            std::ranges::copy(part, reader.room().begin());
            reader.arrived(part.size());
            while (const auto one = reader.next()) { messages.push_back(to_bytes(*one)); }
        }
        ASSERT_FALSE(reader.broken());
        ASSERT_EQ(messages.size(), 3U);
        EXPECT_EQ(messages[0].size(), 32U);
        EXPECT_EQ(kind_of_nat_t(messages[0]), NatTKind::ike);
        EXPECT_EQ(kind_of_nat_t(messages[1]), NatTKind::keep_alive);
        EXPECT_EQ(messages[2], esp);
        EXPECT_FALSE(reader.within_message());
    }
}

TEST(StreamFraming, IsTheSameOctetByOctet) {
    Bytes stream = prefixed();
    for (std::uint8_t i = 1; i < 100; ++i) { add(stream, Bytes(i * 37U, i)); }
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 1000U, 100'000U}) {
        const Taken taken = take(stream, piece, true);
        EXPECT_FALSE(taken.broken);
        ASSERT_EQ(taken.messages.size(), 99U);
        for (std::uint8_t i = 1; i < 100; ++i) {
            EXPECT_EQ(taken.messages[i - 1U], Bytes(i * 37U, i));
        }
    }
}

// RFC 9329 4.1: lengths of 0 and 1 end the stream; 2 is an empty message, 3 one octet.
TEST(StreamFraming, LengthsOfZeroAndOneBreakIt) {
    for (const std::uint8_t length : {std::uint8_t{0}, std::uint8_t{1}}) {
        Bytes stream = prefixed();
        add(stream, Bytes(8, 1));
        append(stream, Bytes{0, length, 7, 7});
        const Taken taken = take(stream, 3, true);
        EXPECT_TRUE(taken.broken);
        EXPECT_EQ(taken.messages.size(), 1U);  // what came before is good
    }
    const Taken empty = take(Bytes{0, 2, 0, 3, 0xff}, 1, false);
    EXPECT_FALSE(empty.broken);
    ASSERT_EQ(empty.messages.size(), 2U);
    EXPECT_TRUE(empty.messages[0].empty());
    EXPECT_EQ(kind_of_nat_t(empty.messages[0]), NatTKind::junk);
    EXPECT_EQ(kind_of_nat_t(empty.messages[1]), NatTKind::keep_alive);
}

TEST(StreamFraming, TheLongestMessageIsTaken) {
    Bytes stream;
    add(stream, Bytes(stream_message_max, 0x77));
    add(stream, Bytes(9, 0x11));
    EXPECT_EQ(stream[0], 0xff);
    EXPECT_EQ(stream[1], 0xff);
    for (const std::size_t piece : {997U, 65535U, 1'000'000U}) {
        const Taken taken = take(stream, piece, false);
        ASSERT_EQ(taken.messages.size(), 2U);
        EXPECT_EQ(taken.messages[0].size(), stream_message_max);
        EXPECT_EQ(taken.messages[1], Bytes(9, 0x11));
    }
}

TEST(StreamFraming, AWrongPrefixIsRefusedAtItsFirstWrongOctet) {
    for (std::size_t wrong = 0; wrong < stream_prefix.size(); ++wrong) {
        Bytes stream = prefixed();
        stream[wrong] ^= 0x20U;
        stream.resize(wrong + 1);
        EXPECT_TRUE(take(stream, 1, true).broken);
        stream.resize(wrong);
        EXPECT_FALSE(take(stream, 1, true).broken);  // may still become right
    }
    EXPECT_TRUE(take(as_bytes("GET / HTTP/1.1\r\n"), 100, true).broken);
}

// Who accepts sends none, and so a peer's answer begins with a length.
TEST(StreamFraming, OnlyOneSideHasAPrefix) {
    EXPECT_EQ(take(Bytes{0, 3, 0xff}, 1, false).messages.size(), 1U);
    EXPECT_TRUE(take(Bytes{0, 3, 0xff}, 1, true).broken);
}

// room is made for what has come, not for what a length says.
TEST(StreamFraming, ALengthAloneTakesNoMemory) {
    StreamReader reader{false};
    const MutableByteView room = reader.room();
    room[0] = 0xff;
    room[1] = 0xff;
    reader.arrived(2);
    EXPECT_FALSE(reader.next());
    EXPECT_TRUE(reader.within_message());
    EXPECT_LT(reader.room().size(), 4096U);
}

}  // namespace
}  // namespace culvert::plane
