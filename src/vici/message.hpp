#pragma once
// VICI messages: sections, lists and values in order (strongSwan's README of the VICI plugin). The
// same tree holds a parsed swanctl.conf, so that text and VICI take one way into the typed Config.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"

namespace culvert::vici {

struct Section;

using List = std::vector<std::string>;
struct Entry;

// Keys in order of appearance; a key may appear once in a section.
struct Section {
    std::vector<Entry> entries;

    // Adds or replaces.
    Section& set(std::string_view key, std::string_view value);
    Section& set(std::string_view key, List values);
    Section& set(std::string_view key, Section section);

    const Entry* find(std::string_view key) const;
    // Nothing where the key is absent or of another kind.
    const std::string* value(std::string_view key) const;
    const List* list(std::string_view key) const;
    const Section* section(std::string_view key) const;
    std::string value_or(std::string_view key, std::string_view otherwise) const;
};

struct Entry {
    std::string key;
    std::variant<std::string, List, Section> element;
};

using Message = Section;

// Packet types of the transport, by their numbers on the wire.
enum class PacketType : std::uint8_t {
    cmd_request = 0,
    cmd_response = 1,
    cmd_unknown = 2,
    event_register = 3,
    event_unregister = 4,
    event_confirm = 5,
    event_unknown = 6,
    event = 7,
};

struct Packet {
    PacketType type{};
    std::string name;  // of the command or event; cmd_request, event_register, event_unregister and
                       // event only
    Message message;   // cmd_request, cmd_response and event only
};

// Without the 32-bit length in front. Names are at most 255 octets, values 65535, a packet
// packet_size_max (limits.hpp).
Result<Bytes> encode(const Packet& packet);
Result<Packet> decode(ByteView octets);

}  // namespace culvert::vici
