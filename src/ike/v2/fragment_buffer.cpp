#include "ike/v2/fragment_buffer.hpp"

#include <utility>

#include "ike/v2/limits.hpp"
#include "ike/wire/limits.hpp"

namespace culvert::ike::v2 {

std::optional<Result<wire::Message>> FragmentBuffer::add(wire::Fragment fragment) {
    if (fragment.total == 0 || fragment.number == 0 || fragment.number > fragment.total ||
        fragment.total > wire::fragments_max || fragment.total < total_) {
        return std::nullopt;
    }
    // RFC 7383 2.6: a higher total means that the sender cut the message smaller.
    if (fragment.total > total_) {
        pieces_.clear();
        size_ = 0;
        total_ = fragment.total;
    }
    if (size_ + fragment.plaintext.size() > fragments_bytes_max) { return std::nullopt; }
    const std::size_t length = fragment.plaintext.size();
    const std::uint16_t number = fragment.number;
    if (pieces_.emplace(number, std::move(fragment)).second) { size_ += length; }
    if (pieces_.size() < total_) { return std::nullopt; }
    Bytes whole;
    whole.reserve(size_);
    for (const auto& [n, piece] : pieces_) { append(whole, piece.plaintext); }
    const wire::Fragment& first = pieces_.begin()->second;
    auto payloads = wire::parse_payloads(first.first, whole);
    if (!payloads) { return std::unexpected(std::move(payloads).error()); }
    wire::Message message{.header = first.header, .payloads = std::move(*payloads)};
    if (message.header.exchange == wire::ExchangeType::ike_intermediate) {
        message.covered = wire::covered_octets(first.header, first.first, whole);
    }
    return message;
}

}  // namespace culvert::ike::v2
