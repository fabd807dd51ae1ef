#pragma once
// The EAP packet (RFC 3748 4): code, identifier, length, and in requests and responses a type with
// its data.

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "ike/eap/type.hpp"

namespace culvert::ike::eap {

enum class Code : std::uint8_t { request = 1, response = 2, success = 3, failure = 4 };

struct Packet {
    Code code{};
    std::uint8_t identifier = 0;
    std::optional<Type> type{};  // of requests and responses, and of nothing else
    Bytes data{};

    // Fails on unknown codes (to be dropped, RFC 3748 4), and on what its code does not have.
    static Result<Packet> parse(ByteView message);
    Bytes write() const;
    friend bool operator==(const Packet&, const Packet&) = default;
};

}  // namespace culvert::ike::eap
