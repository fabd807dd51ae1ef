// SK (RFC 7296 3.14) and SKF (RFC 7383 2.5): what is inside, closed and opened.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ike/wire/limits.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::wire {
namespace {

constexpr std::size_t sk_header_size = 4;
constexpr std::size_t skf_header_size = 8;

Error too_long(std::size_t size) {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("a message of at most {} octets", message_size_max),
            .received = fmt::format("one of {}", size),
            .remedy = "configure fewer traffic selectors or proposals"};
}

Error too_many_fragments(std::size_t size_max) {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("at most {} fragments", fragments_max),
            .received = fmt::format("a message that needs more at {} octets each", size_max),
            .remedy = "allow larger fragments"};
}

Error not_closed() { return malformed("protected IKE message", "has no SK payload at its end"); }

// IKE header and the SK or SKF header: what is authenticated but not hidden. Lengths are final.
struct Envelope {
    IkeHeader header;
    PayloadType type{};
    PayloadType first{};
    std::size_t body_size = 0;  // sealed

    void write(Writer& out, std::size_t payload_header_size) const {
        IkeHeader final = header;
        out.expect(IkeHeader::size + payload_header_size + body_size);
        final.next_payload = type;
        final.length =
            static_cast<std::uint32_t>(IkeHeader::size + payload_header_size + body_size);
        final.write(out);
        out.u8(std::to_underlying(first));
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(payload_header_size + body_size));
    }
};

Result<Bytes> seal_behind(Bytes headers, ByteView plaintext, crypto::IkeCipher& cipher,
                          Random& random) {
    const auto body = cipher.seal(headers, plaintext, random);
    if (!body) { return std::unexpected(body.error()); }
    append(headers, *body);
    return headers;
}

std::size_t message_size(const crypto::IkeCipher& cipher, std::size_t plaintext) {
    return IkeHeader::size + sk_header_size + cipher.sealed_size(plaintext);
}

// The most plaintext that an SKF message of `size_max` octets can hold; 0 if none fits.
std::size_t fragment_capacity(const crypto::IkeCipher& cipher, std::size_t size_max) {
    const std::size_t headers = IkeHeader::size + skf_header_size;
    if (size_max <= headers) { return 0; }
    std::size_t plaintext = std::min(size_max, message_size_max) - headers;
    while (plaintext > 0 && headers + cipher.sealed_size(plaintext) > size_max) { --plaintext; }
    return plaintext;
}

Result<Bytes> seal_plaintext(const IkeHeader& header, PayloadType first, ByteView plaintext,
                             crypto::IkeCipher& cipher, Random& random) {
    const std::size_t size = message_size(cipher, plaintext.size());
    if (size > message_size_max) { return std::unexpected(too_long(size)); }
    Writer out;
    Envelope{header, PayloadType::sk, first, cipher.sealed_size(plaintext.size())}.write(
        out, sk_header_size);
    return seal_behind(out.take(), plaintext, cipher, random);
}

}  // namespace

Result<Bytes> seal_message(const IkeHeader& header, const Payloads& payloads,
                           crypto::IkeCipher& cipher, Random& random) {
    return seal_plaintext(header, first_type(payloads), write_payloads(payloads), cipher, random);
}

Bytes covered_octets(const IkeHeader& header, PayloadType first, ByteView plaintext) {
    Writer out;
    Envelope{header, PayloadType::sk, first, plaintext.size()}.write(out, sk_header_size);
    out.bytes(plaintext);
    return out.take();
}

namespace {

// The same of a message as it came, reserved bits and clear payloads included.
Bytes covered_octets_as_sent(ByteView up_to_sk_header, ByteView plaintext) {
    const std::size_t length = up_to_sk_header.size() + plaintext.size();
    Writer out;
    out.bytes(up_to_sk_header.first(IkeHeader::size - 4));
    out.u32(static_cast<std::uint32_t>(length));
    out.bytes(
        up_to_sk_header.subspan(IkeHeader::size, up_to_sk_header.size() - IkeHeader::size - 2));
    out.u16(static_cast<std::uint16_t>(sk_header_size + plaintext.size()));
    out.bytes(plaintext);
    return out.take();
}

}  // namespace

Result<Message> open_message(ByteView datagram, const crypto::IkeCipher& cipher) {
    const auto closed = parse_message(datagram);
    if (!closed) { return std::unexpected(closed.error()); }
    const Encrypted* sk = find<Encrypted>(closed->payloads);
    if (sk == nullptr) { return std::unexpected(not_closed()); }
    // The chain ends with SK, so its body ends the datagram.
    const auto plaintext = cipher.open(datagram.first(datagram.size() - sk->body.size()), sk->body);
    if (!plaintext) { return std::unexpected(plaintext.error()); }
    auto payloads = parse_payloads(sk->first, *plaintext);
    if (!payloads) { return std::unexpected(std::move(payloads).error()); }
    Message message{closed->header, std::move(*payloads)};
    if (message.header.exchange == ExchangeType::ike_intermediate) {
        message.covered =
            covered_octets_as_sent(datagram.first(datagram.size() - sk->body.size()), *plaintext);
    }
    return message;
}

namespace {

struct Pieces {
    std::size_t size_max;        // of each, sealed
    std::size_t pieces_min = 1;  // if there are to be several at all
};

Result<std::vector<Bytes>> cut(const IkeHeader& header, PayloadType first_of_all,
                               ByteView plaintext, Pieces wanted, crypto::IkeCipher& cipher,
                               Random& random) {
    const auto [size_max, pieces_min] = wanted;
    std::vector<Bytes> out;
    if (message_size(cipher, plaintext.size()) <= size_max) {
        auto whole = seal_plaintext(header, first_of_all, plaintext, cipher, random);
        if (!whole) { return std::unexpected(std::move(whole).error()); }
        out.push_back(std::move(*whole));
        return out;
    }
    std::size_t capacity = fragment_capacity(cipher, size_max);
    if (plaintext.size() >= pieces_min) {
        // As many alike, if rounding up leaves as many.
        std::size_t alike = (plaintext.size() + pieces_min - 1) / pieces_min;
        if ((plaintext.size() + alike - 1) / alike < pieces_min) { --alike; }
        capacity = std::min(capacity, alike);
    }
    if (capacity == 0 || plaintext.size() > capacity * fragments_max) {
        return std::unexpected(too_many_fragments(size_max));
    }
    const std::size_t total = (plaintext.size() + capacity - 1) / capacity;
    for (std::size_t i = 0; i < total; ++i) {
        const std::size_t at = i * capacity;
        const ByteView part = plaintext.subspan(at, std::min(capacity, plaintext.size() - at));
        // RFC 7383 2.5: the first payload's type stands in the first fragment alone.
        const PayloadType first = i == 0 ? first_of_all : PayloadType::none;
        Writer headers;
        Envelope{header, PayloadType::skf, first, cipher.sealed_size(part.size())}.write(
            headers, skf_header_size);
        headers.u16(static_cast<std::uint16_t>(i + 1));
        headers.u16(static_cast<std::uint16_t>(total));
        auto sealed = seal_behind(headers.take(), part, cipher, random);
        if (!sealed) { return std::unexpected(std::move(sealed).error()); }
        out.push_back(std::move(*sealed));
    }
    return out;
}

// What stands in all pieces of a message that we have sealed ourselves.
Result<Fragment> open_own(const std::vector<Bytes>& pieces, const crypto::IkeCipher& cipher) {
    Fragment whole;
    for (const Bytes& piece : pieces) {
        const auto closed = parse_message(piece);
        if (!closed) { return std::unexpected(closed.error()); }
        const Encrypted* const sk = find<Encrypted>(closed->payloads);
        const EncryptedFragment* const skf = find<EncryptedFragment>(closed->payloads);
        if (sk == nullptr && skf == nullptr) { return std::unexpected(not_closed()); }
        const Bytes& body = sk != nullptr ? sk->body : skf->body;
        const auto part = cipher.open(ByteView{piece}.first(piece.size() - body.size()), body);
        if (!part) { return std::unexpected(part.error()); }
        if (&piece == &pieces.front()) {
            whole.header = closed->header;
            whole.first = sk != nullptr ? sk->first : skf->first;
        }
        append(whole.plaintext, *part);
    }
    return whole;
}

}  // namespace

Result<std::vector<Bytes>> seal_fragments(const IkeHeader& header, const Payloads& payloads,
                                          std::size_t size_max, crypto::IkeCipher& cipher,
                                          Random& random) {
    return cut(header, first_type(payloads), write_payloads(payloads), {.size_max = size_max},
               cipher, random);
}

Result<std::vector<Bytes>> cut_again(const std::vector<Bytes>& pieces, std::size_t size_max,
                                     crypto::IkeCipher& cipher, Random& random) {
    const auto whole = open_own(pieces, cipher);
    if (!whole) { return std::unexpected(whole.error()); }
    // RFC 7383 2.6: by their number the receiver tells them from those that it has already.
    return cut(whole->header, whole->first, whole->plaintext,
               {.size_max = size_max, .pieces_min = pieces.size() + 1}, cipher, random);
}

Result<Fragment> open_fragment(ByteView datagram, const crypto::IkeCipher& cipher) {
    const auto closed = parse_message(datagram);
    if (!closed) { return std::unexpected(closed.error()); }
    const EncryptedFragment* skf = find<EncryptedFragment>(closed->payloads);
    if (skf == nullptr) {
        return std::unexpected(malformed("IKE fragment", "has no SKF payload at its end"));
    }
    auto plaintext = cipher.open(datagram.first(datagram.size() - skf->body.size()), skf->body);
    if (!plaintext) { return std::unexpected(std::move(plaintext).error()); }
    return Fragment{closed->header, skf->first, skf->number, skf->total, std::move(*plaintext)};
}

}  // namespace culvert::ike::wire
