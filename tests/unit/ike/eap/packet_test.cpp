#include "ike/eap/packet.hpp"

#include <gtest/gtest.h>

#include "ike/eap/identity.hpp"

namespace culvert::ike::eap {
namespace {

Bytes hex(std::string_view text) { return from_hex(text).value(); }

// RFC 3748 4.
TEST(EapPacket, ReadsAndWritesEachCode) {
    struct Row {
        std::string_view octets;
        Packet packet;
    };
    const std::vector<Row> rows{
        {"0105000501",
         {.code = Code::request, .identifier = 5, .type = Type::identity, .data = {}}},
        {"0205000a016361726f6c",
         {.code = Code::response,
          .identifier = 5,
          .type = Type::identity,
          .data = to_bytes(as_bytes("carol"))}},
        {"02ff0006031a",
         {.code = Code::response, .identifier = 255, .type = Type::nak, .data = {26}}},
        {"03070004", {.code = Code::success, .identifier = 7}},
        {"04000004", {.code = Code::failure, .identifier = 0}},
    };
    for (const Row& row : rows) {
        const auto read = Packet::parse(hex(row.octets));
        ASSERT_TRUE(read) << row.octets;
        EXPECT_EQ(*read, row.packet);
        EXPECT_EQ(to_hex(read->write()), row.octets);
        const Bytes whole = hex(row.octets);
        for (std::size_t size = 0; size < whole.size();
             ++size) {  // E-02: longer than what is there
            EXPECT_FALSE(Packet::parse(ByteView{whole}.first(size))) << row.octets << " " << size;
        }
    }
}

// E-02
TEST(EapPacket, E02RefusesWhatItsCodeDoesNotHave) {
    for (const std::string_view bad : {
             "01050004",      // a request without type
             "0305000501",    // a success with one
             "05050004",      // no such code
             "00050004",      //
             "0105000301",    // shorter than its header
             "010500050100",  // longer than it says
             "01050000",      //
         }) {
        EXPECT_FALSE(Packet::parse(hex(bad))) << bad;
    }
}

TEST(EapIdentity, IsReadAsTheConfigurationIs) {
    const auto from = [](std::string_view text) { return from_text(as_bytes(text)); };
    EXPECT_EQ(from("carol"), Identity::parse("carol").value());
    EXPECT_EQ(from("carol@example.org").type, IdType::rfc822_addr);
    EXPECT_EQ(from("BIGCO\\carol"), Identity::parse("BIGCO\\carol").value());
    for (const std::string_view text : {"carol", "carol@example.org", "10.0.0.1"}) {
        EXPECT_EQ(to_text(from(text)), text);
    }
}

// Never a pattern that fits everybody.
TEST(EapIdentity, WhatStandsForAnybodyIsAName) {
    for (const std::string_view text : {"", "%any", "*", "0.0.0.0", "::"}) {
        const Identity id = from_text(as_bytes(text));
        EXPECT_EQ(id.type, IdType::key_id) << text;
        EXPECT_EQ(to_text(id), text);
    }
    EXPECT_EQ(from_text(Bytes{'a', 0, 'b'}).type, IdType::key_id);
    EXPECT_EQ(from_text(Bytes{'a', '\n'}).type, IdType::key_id);
}

}  // namespace
}  // namespace culvert::ike::eap
