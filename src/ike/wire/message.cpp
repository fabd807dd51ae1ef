#include "ike/wire/message.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "ike/wire/limits.hpp"

namespace culvert::ike::wire {
namespace {

constexpr std::size_t generic_header_size = 4;  // RFC 7296 3.2
constexpr std::uint8_t critical_bit = 0x80;
// What messages mostly have, to make room for: in payloads, and in octets.
constexpr std::size_t payloads_mostly = 16;
constexpr std::size_t message_mostly = 512;

bool is_closed(PayloadType type) { return type == PayloadType::sk || type == PayloadType::skf; }

// What the last payload of a chain calls the next one.
PayloadType first_inside(const Payload& payload) {
    return std::visit(Overloaded{[](const Encrypted& sk) { return sk.first; },
                                 [](const EncryptedFragment& skf) { return skf.first; },
                                 [](const auto&) { return PayloadType::none; }},
                      payload);
}

// The chain of RFC 7296 3.2 up to the end of the octets. Each step consumes at least four of them.
Result<Payloads> parse_chain(PayloadType type, ByteView bytes) {
    Payloads payloads;
    payloads.reserve(payloads_mostly);
    Reader in{bytes};
    while (type != PayloadType::none && !in.failed()) {
        const auto next = PayloadType{in.u8()};
        const bool critical = (in.u8() & critical_bit) != 0;
        const std::size_t length = in.u16();
        if (length < generic_header_size) { in.fail("has a payload shorter than its header"); }
        if (payloads.size() == payloads_max) { in.fail("has more payloads than we take"); }
        if (in.failed()) { break; }
        const ByteView body = in.bytes(length - generic_header_size);
        if (in.failed()) { break; }
        auto payload = parse_payload(type, critical, next, body);
        if (!payload) { return std::unexpected(std::move(payload).error()); }
        payloads.push_back(std::move(*payload));
        // 3.14: SK is the last payload; its "next" is the first one inside.
        type = is_closed(type) ? PayloadType::none : next;
    }
    return in.finish(std::move(payloads), "chain of payloads");
}

// RFC 7296 2.5, 3.1: only a higher major version is worth an answer.
Error unsupported_version(const IkeHeader& header) {
    Error error{
        .code = ErrorCode::unsupported_version,
        .wanted = "IKE version 2.0",
        .received = fmt::format("version {}.{}", header.major_version, header.minor_version)};
    if (header.major_version > 2) { error.notify = NotifyType::invalid_major_version; }
    return error;
}

}  // namespace

Result<Message> parse_message(ByteView datagram) {
    auto header = parse_header(datagram);
    if (!header) { return std::unexpected(std::move(header).error()); }
    if (header->major_version != 2) { return std::unexpected(unsupported_version(*header)); }
    auto payloads = parse_chain(header->next_payload, datagram.subspan(IkeHeader::size));
    if (!payloads) { return std::unexpected(std::move(payloads).error()); }
    return Message{*header, std::move(*payloads)};
}

Result<Payloads> parse_payloads(PayloadType first, ByteView bytes) {
    auto payloads = parse_chain(first, bytes);
    if (payloads && !payloads->empty() && is_closed(type_of(payloads->back()))) {
        payloads = std::unexpected(malformed("chain of payloads", "has SK inside of SK"));
    }
    if (!payloads) {
        Error error = std::move(payloads).error();
        error.notify = NotifyType::invalid_syntax;  // RFC 7296 2.21.2: it was authenticated
        return std::unexpected(std::move(error));
    }
    return payloads;
}

PayloadType first_type(const Payloads& payloads) {
    return payloads.empty() ? PayloadType::none : type_of(payloads.front());
}

Bytes write_payloads(const Payloads& payloads) {
    Writer out;
    out.expect(message_mostly);
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        const bool last = i + 1 == payloads.size();
        const auto next = last ? first_inside(payloads[i]) : type_of(payloads[i + 1]);
        const auto* unknown = std::get_if<UnknownPayload>(&payloads[i]);
        const std::size_t start = out.size();
        out.u8(std::to_underlying(next));
        out.u8(unknown != nullptr && unknown->critical ? critical_bit : 0);
        out.u16(0);
        write_body(payloads[i], out);
        ASSERT(out.size() - start <= message_size_max);
        out.patch_u16(start + 2, static_cast<std::uint16_t>(out.size() - start));
    }
    return out.take();
}

Bytes write(const IkeHeader& header, const Payloads& payloads) {
    const Bytes body = write_payloads(payloads);
    IkeHeader final = header;
    final.next_payload = first_type(payloads);
    final.length = static_cast<std::uint32_t>(IkeHeader::size + body.size());
    Writer out;
    out.expect(final.length);
    final.write(out);
    out.bytes(body);
    return out.take();
}

bool is_protected(const Message& message) {
    return !message.payloads.empty() && is_closed(type_of(message.payloads.back()));
}

}  // namespace culvert::ike::wire
