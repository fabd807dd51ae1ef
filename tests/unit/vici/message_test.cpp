// The VICI message format, as strongSwan's README of the plugin describes it.

#include "vici/message.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "show.hpp"
#include "vici/limits.hpp"

namespace culvert::vici {
namespace {

Bytes hex(std::string_view text) { return *from_hex(text); }

// README: key1 = value1, section1 = {sub-section = {key2 = value2}, list1 = [item1, item2]}.
constexpr std::string_view readme_message =
    "03046b657931000676616c756531"
    "010873656374696f6e31"
    "010b7375622d73656374696f6e"
    "03046b657932000676616c756532"
    "02"
    "04056c69737431"
    "0500056974656d31"
    "0500056974656d32"
    "06"
    "02";

Message readme() {
    Section sub;
    sub.set("key2", "value2");
    Section section;
    section.set("sub-section", std::move(sub)).set("list1", List{"item1", "item2"});
    Message out;
    out.set("key1", "value1").set("section1", std::move(section));
    return out;
}

TEST(ViciMessage, WritesAndReadsTheExampleOfTheReadme) {
    const Bytes want = hex(std::string{"01"} + std::string{readme_message});
    const auto encoded = encode({.type = PacketType::cmd_response, .message = readme()});
    ASSERT_TRUE(encoded.has_value());
    EXPECT_EQ(to_hex(*encoded), to_hex(want));
    const auto decoded = decode(want);
    ASSERT_TRUE(decoded.has_value()) << explain(decoded.error());
    EXPECT_EQ(decoded->type, PacketType::cmd_response);
    EXPECT_EQ(show(decoded->message),
              "key1=value1 section1{sub-section{key2=value2} list1=[item1;item2;]}");
}

TEST(ViciMessage, PutsTheNameInFrontWhereOneBelongs) {
    for (const auto& [type, wire] : {std::pair{PacketType::cmd_request, "000776657273696f6e"},
                                     {PacketType::cmd_response, "01"},
                                     {PacketType::cmd_unknown, "02"},
                                     {PacketType::event_register, "030776657273696f6e"},
                                     {PacketType::event_unregister, "040776657273696f6e"},
                                     {PacketType::event_confirm, "05"},
                                     {PacketType::event_unknown, "06"},
                                     {PacketType::event, "070776657273696f6e"}}) {
        const auto encoded = encode({.type = type, .name = "version"});
        ASSERT_TRUE(encoded.has_value());
        EXPECT_EQ(to_hex(*encoded), wire);
        const auto decoded = decode(*encoded);
        ASSERT_TRUE(decoded.has_value()) << wire << explain(decoded.error());
        EXPECT_EQ(decoded->type, type);
    }
}

TEST(ViciMessage, EveryTruncationIsRefused) {
    const Bytes whole = hex(std::string{"0001"} + "78" + std::string{readme_message});
    ASSERT_TRUE(decode(whole).has_value());
    std::size_t complete = 0;
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const auto decoded = decode(ByteView{whole}.first(size));
        if (decoded) {
            ++complete;  // cut between two elements of the outermost section
        } else {
            EXPECT_EQ(decoded.error().code, ErrorCode::malformed) << size;
            EXPECT_NE(decoded.error().received.find("octet"), std::string::npos)
                << decoded.error().received;
        }
    }
    EXPECT_EQ(complete, 2U);  // no element at all, key1 alone
}

TEST(ViciMessage, SaysWhatIsWrongAndWhere) {
    struct Case {
        std::string wire;
        std::string_view want;
    };
    const std::string deep = [] {
        std::string out = "01";
        for (std::size_t i = 0; i <= depth_max; ++i) { out += "010161"; }
        return out;
    }();
    for (const Case& c : std::initializer_list<Case>{
             {"", "one that ends in the middle of an element, at octet 0 of 0"},
             {"08", "one that is of unknown type 8, at octet 0"},
             {"ff", "one that is of unknown type 255, at octet 0"},
             {"0000", "one that names no command or event, at octet 1"},
             {"0005616263", "one that ends in the middle of an element, at octet 2 of 5"},
             {"0100", "one that has an element of unknown type 0, at octet 1"},
             {"0107", "one that has an element of unknown type 7, at octet 1"},
             {"0102", "one that ends a section that did not begin, at octet 1"},
             {"01050000", "one that has a list item outside a list, at octet 1"},
             {"0106", "one that ends a list that did not begin, at octet 1"},
             {"01010161", "one that ends inside a section, at octet 4"},
             {"01040161", "one that ends inside a list, at octet 4"},
             {"010401610301620000", "one that has an element of type 3 inside a list, at octet 4"},
             {"0103016100000301610000",
              "one that has the key \"a\" twice in a section, at octet 6"},
             {"0301610000", "one that has octets left over"},
             {"0500", "one that has octets left over"},
             {deep, "one that nests sections more than 32 deep, at octet 97"},
         }) {
        const auto decoded = decode(hex(c.wire));
        ASSERT_FALSE(decoded.has_value()) << c.wire;
        EXPECT_EQ(decoded.error().code, ErrorCode::malformed);
        EXPECT_EQ(decoded.error().received, c.want) << c.wire;
    }
}

TEST(ViciMessage, EqualKeysInDifferentSectionsAreFine) {
    const auto decoded = decode(hex("01010161030162000002010163030162000002"));
    ASSERT_TRUE(decoded.has_value()) << explain(decoded.error());
    EXPECT_EQ(show(decoded->message), "a{b=} c{b=}");
}

TEST(ViciMessage, KeepsAnyOctetInAValue) {
    std::string every;
    for (int i = 0; i < 256; ++i) { every += static_cast<char>(i); }
    const auto encoded =
        encode({.type = PacketType::cmd_response, .message = Message{}.set("data", every)});
    ASSERT_TRUE(encoded.has_value());
    const auto decoded = decode(*encoded);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->message.value_or("data", ""), every);
}

TEST(ViciMessage, RefusesToWriteWhatHasNoRoom) {
    const auto code_of = [](const Packet& packet) {
        const auto encoded = encode(packet);
        return encoded ? ErrorCode::internal : encoded.error().code;
    };
    Packet packet{.type = PacketType::cmd_request, .name = std::string(255, 'n')};
    EXPECT_TRUE(encode(packet).has_value());
    packet.name += 'n';
    EXPECT_EQ(code_of(packet), ErrorCode::limit_reached);

    packet = {.type = PacketType::cmd_response};
    packet.message.set(std::string(255, 'k'), std::string(65535, 'v'));
    EXPECT_TRUE(encode(packet).has_value());
    packet.message = {};
    packet.message.set("k", std::string(65536, 'v'));
    EXPECT_EQ(code_of(packet), ErrorCode::limit_reached);
    packet.message = {};
    packet.message.set(std::string(256, 'k'), "");
    EXPECT_EQ(code_of(packet), ErrorCode::limit_reached);
    packet.message = {};
    packet.message.set("l", List{std::string(65536, 'v')});
    EXPECT_EQ(code_of(packet), ErrorCode::limit_reached);
    packet.message = {};
    for (int i = 0; i < 9; ++i) {
        packet.message.set(fmt::format("{}", i), std::string(65535, 'v'));
    }
    EXPECT_EQ(code_of(packet), ErrorCode::limit_reached);
    Section inner;
    for (std::size_t i = 0; i <= depth_max; ++i) {
        Section outer;
        outer.set("s", std::move(inner));
        inner = std::move(outer);
    }
    packet.message = std::move(inner);
    EXPECT_EQ(code_of(packet), ErrorCode::limit_reached);
}

// as many keys as a packet can hold are read in a time that grows with their number only.
TEST(ViciMessage, X01SixtyThousandKeysInOneSection) {
    Packet packet{.type = PacketType::cmd_response};
    for (int i = 0; i < 52'000; ++i) {
        packet.message.entries.push_back({fmt::format("k{:05}", i), std::string{}});
    }
    const auto encoded = encode(packet);
    ASSERT_TRUE(encoded.has_value()) << explain(encoded.error());
    const auto decoded = decode(*encoded);
    ASSERT_TRUE(decoded.has_value()) << explain(decoded.error());
    EXPECT_EQ(decoded->message.entries.size(), 52'000U);
    EXPECT_FALSE(decode(Bytes(packet_size_max + 1)).has_value());
}

TEST(ViciSection, SetReplacesAndFindsByKind) {
    Section section;
    section.set("a", "1").set("b", List{"x"}).set("a", "2");
    EXPECT_EQ(show(section), "a=2 b=[x;]");
    EXPECT_EQ(section.list("a"), nullptr);
    EXPECT_EQ(section.value("b"), nullptr);
    EXPECT_EQ(section.section("a"), nullptr);
    EXPECT_EQ(section.find("c"), nullptr);
    EXPECT_EQ(section.value_or("c", "none"), "none");
    section.set("a", Section{});
    EXPECT_NE(section.section("a"), nullptr);
}

}  // namespace
}  // namespace culvert::vici
