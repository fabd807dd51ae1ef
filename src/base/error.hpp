#pragma once
// What went wrong, for three readers: programs branch on `code`, the peer gets at most `notify`,
// the operator gets the words.

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace culvert::ike::wire {
enum class NotifyType : std::uint16_t;  // its values are in ike/wire/notify_type.hpp
}

namespace culvert {

enum class ErrorCode : std::uint8_t {
    // The input is not what its format says.
    malformed,
    unsupported,
    unsupported_critical_payload,
    unsupported_version,
    // Negotiation (RFC 7296 3.10.1 has a notify for most).
    no_proposal_chosen,
    invalid_ke_payload,
    no_connection,
    authentication_failed,
    ts_unacceptable,
    single_pair_required,
    no_additional_sas,
    internal_address_failure,
    failed_cp_required,
    invalid_selectors,
    child_sa_not_found,
    temporary_failure,
    invalid_message_id,
    invalid_ike_spi,
    peer_refused,
    peer_unreachable,
    peer_gone,
    // Crypto.
    bad_key_material,
    integrity_check_failed,
    exhausted,
    // Around us.
    config,
    not_found,
    already_exists,
    limit_reached,
    busy,
    permission,
    address_in_use,
    no_device,
    system,
    timed_out,
    cancelled,
    not_built,
    internal,
};

// The code in lower case words, as programs and JSON see it: "no_proposal_chosen".
std::string_view name(ErrorCode code);

// Made by a named function beside the rule that it states; see docs/architecture.md, "Errors".
// The peer learns only the notify (RFC 7296 2.21); the operator learns why, and what to change.
struct Error {
    ErrorCode code = ErrorCode::internal;
    std::optional<ike::wire::NotifyType> notify{};  // goes on the wire; none: stay silent
    std::string wanted{};                           // what we wanted, or tried; never key material
    std::string received{};                         // what came, or happened
    std::string remedy{};  // what to change; says so when it weakens security
};

// One line for the operator: "<code>: wanted ...; got .... To fix it: ....", leaving out what is
// empty.
std::string explain(const Error& error);

template <class T>
using Result = std::expected<T, Error>;

using Status = Result<void>;

// Shorthand for a parser's refusal: `what` was malformed because of `why`.
Error malformed(std::string_view what, std::string_view why);

// A system call failed: `what` was tried, errno said `error_number`.
Error system_error(std::string_view what, int error_number);

}  // namespace culvert
