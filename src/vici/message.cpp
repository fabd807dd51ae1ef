#include "vici/message.hpp"

#include <algorithm>
#include <unordered_set>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/reader.hpp"
#include "base/writer.hpp"
#include "vici/limits.hpp"

namespace culvert::vici {
namespace {

// The elements of a message, by their numbers on the wire.
enum class Element : std::uint8_t {
    section_start = 1,
    section_end = 2,
    key_value = 3,
    list_start = 4,
    list_item = 5,
    list_end = 6,
};

Error too_large(std::string_view what, std::size_t most, std::size_t is) {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("{} of at most {} octets, as VICI has it", what, most),
            .received = fmt::format("{} octets", is)};
}

Error too_deep() {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("sections nested at most {} deep", depth_max),
            .received = "a VICI message that nests deeper"};
}

// ---- writing

bool has_name(PacketType type) {
    return type == PacketType::cmd_request || type == PacketType::event_register ||
           type == PacketType::event_unregister || type == PacketType::event;
}

bool has_message(PacketType type) {
    return type == PacketType::cmd_request || type == PacketType::cmd_response ||
           type == PacketType::event;
}

class Encoder {
 public:
    explicit Encoder(Writer& out) : out_(out) {}

    // Checked before anything is written that would not fit its length field.
    Status name(std::string_view text) {
        if (text.size() > name_size_max) {
            return std::unexpected(too_large("a name", name_size_max, text.size()));
        }
        out_.u8(static_cast<std::uint8_t>(text.size()));
        out_.bytes(as_bytes(text));
        return {};
    }

    Status section(const Section& section, std::size_t depth) {
        if (depth > depth_max) { return std::unexpected(too_deep()); }
        for (const Entry& entry : section.entries) {
            if (Status done = one(entry, depth); !done) { return done; }
            if (out_.size() > packet_size_max) {
                return std::unexpected(too_large("a packet", packet_size_max, out_.size()));
            }
        }
        return {};
    }

 private:
    void element(Element type) { out_.u8(std::to_underlying(type)); }

    Status value(std::string_view text) {
        if (text.size() > value_size_max) {
            return std::unexpected(too_large("a value", value_size_max, text.size()));
        }
        out_.u16(static_cast<std::uint16_t>(text.size()));
        out_.bytes(as_bytes(text));
        return {};
    }

    Status one(const Entry& entry, std::size_t depth) {
        if (const auto* text = std::get_if<std::string>(&entry.element)) {
            element(Element::key_value);
            if (Status done = name(entry.key); !done) { return done; }
            return value(*text);
        }
        if (const auto* items = std::get_if<List>(&entry.element)) {
            element(Element::list_start);
            if (Status done = name(entry.key); !done) { return done; }
            for (const std::string& item : *items) {
                element(Element::list_item);
                if (Status done = value(item); !done) { return done; }
            }
            element(Element::list_end);
            return {};
        }
        element(Element::section_start);
        if (Status done = name(entry.key); !done) { return done; }
        if (Status done = section(std::get<Section>(entry.element), depth + 1); !done) {
            return done;
        }
        element(Element::section_end);
        return {};
    }

    Writer& out_;
};

// ---- reading

class Decoder {
 public:
    explicit Decoder(Reader& in) : in_(in) {}

    std::string_view name() { return as_text(in_.bytes(in_.u8())); }

    // Up to the section's end, or to the end of the packet at depth 0.
    Section section(std::size_t depth) {
        Section out;
        // Views into the packet, which outlives this; a packet may well hold 60,000 keys.
        std::unordered_set<std::string_view> keys;
        while (in_.more()) {
            const std::size_t at = in_.position();
            const Element type{in_.u8()};
            if (type == Element::section_end && depth > 0) { return out; }
            auto element = one(type, at, depth);
            if (in_.failed()) { return {}; }
            if (!keys.insert(element.first).second) {
                fail(at, fmt::format("has the key \"{}\" twice in a section",
                                     printable(element.first)));
                return {};
            }
            out.entries.push_back({std::string{element.first}, std::move(element.second)});
        }
        if (depth > 0) { fail(in_.position(), "ends inside a section"); }
        return out;
    }

    void fail(std::size_t at, std::string_view why) {
        in_.fail(fmt::format("{}, at octet {}", why, at));
    }

 private:
    std::string value() { return std::string{as_text(in_.bytes(in_.u16()))}; }

    std::pair<std::string_view, decltype(Entry::element)> one(Element type, std::size_t at,
                                                              std::size_t depth) {
        switch (type) {
            case Element::key_value: {
                const std::string_view key = name();
                return {key, value()};
            }
            case Element::list_start: {
                const std::string_view key = name();
                return {key, list()};
            }
            case Element::section_start: {
                const std::string_view key = name();
                if (depth == depth_max) {
                    fail(at, fmt::format("nests sections more than {} deep", depth_max));
                    return {};
                }
                return {key, section(depth + 1)};
            }
            case Element::section_end: fail(at, "ends a section that did not begin"); return {};
            case Element::list_item: fail(at, "has a list item outside a list"); return {};
            case Element::list_end: fail(at, "ends a list that did not begin"); return {};
        }
        fail(at, fmt::format("has an element of unknown type {}", std::to_underlying(type)));
        return {};
    }

    List list() {
        List out;
        while (in_.more()) {
            const std::size_t at = in_.position();
            const Element type{in_.u8()};
            if (type == Element::list_end) { return out; }
            if (type != Element::list_item) {
                fail(at, fmt::format("has an element of type {} inside a list",
                                     std::to_underlying(type)));
                return {};
            }
            out.push_back(value());
        }
        fail(in_.position(), "ends inside a list");
        return out;
    }

    Reader& in_;
};

Section& replace(Section& section, std::string_view key, decltype(Entry::element) element) {
    const auto at = std::ranges::find(section.entries, key, &Entry::key);
    if (at != section.entries.end()) {
        at->element = std::move(element);
    } else {
        section.entries.push_back({std::string{key}, std::move(element)});
    }
    return section;
}

template <class T>
const T* find_as(const Section& section, std::string_view key) {
    const Entry* entry = section.find(key);
    return entry == nullptr ? nullptr : std::get_if<T>(&entry->element);
}

}  // namespace

Section& Section::set(std::string_view key, std::string_view value) {
    return replace(*this, key, std::string{value});
}
Section& Section::set(std::string_view key, List values) {
    return replace(*this, key, std::move(values));
}
Section& Section::set(std::string_view key, Section section) {
    return replace(*this, key, std::move(section));
}

const Entry* Section::find(std::string_view key) const {
    const auto at = std::ranges::find(entries, key, &Entry::key);
    return at == entries.end() ? nullptr : &*at;
}
const std::string* Section::value(std::string_view key) const {
    return find_as<std::string>(*this, key);
}
const List* Section::list(std::string_view key) const { return find_as<List>(*this, key); }
const Section* Section::section(std::string_view key) const { return find_as<Section>(*this, key); }
std::string Section::value_or(std::string_view key, std::string_view otherwise) const {
    const std::string* found = value(key);
    return found == nullptr ? std::string{otherwise} : *found;
}

Result<Bytes> encode(const Packet& packet) {
    Writer out;
    Encoder encoder{out};
    out.u8(std::to_underlying(packet.type));
    if (has_name(packet.type)) {
        if (Status done = encoder.name(packet.name); !done) {
            return std::unexpected(std::move(done).error());
        }
    }
    if (has_message(packet.type)) {
        if (Status done = encoder.section(packet.message, 0); !done) {
            return std::unexpected(std::move(done).error());
        }
    }
    return out.take();
}

Result<Packet> decode(ByteView octets) {
    if (octets.size() > packet_size_max) {
        return std::unexpected(too_large("a packet", packet_size_max, octets.size()));
    }
    Reader in{octets};
    Decoder decoder{in};
    Packet packet;
    packet.type = PacketType{in.u8()};
    if (!in.failed() && packet.type > PacketType::event) {
        decoder.fail(0, fmt::format("is of unknown type {}", std::to_underlying(packet.type)));
    }
    if (has_name(packet.type)) {
        packet.name = decoder.name();
        if (packet.name.empty()) { decoder.fail(1, "names no command or event"); }
    }
    if (has_message(packet.type)) { packet.message = decoder.section(0); }
    if (in.failed() && in.why() == "ends early") {
        return std::unexpected(malformed(
            "VICI packet", fmt::format("ends in the middle of an element, at octet {} of {}",
                                       in.position(), octets.size())));
    }
    return in.finish(std::move(packet), "VICI packet");
}

}  // namespace culvert::vici
