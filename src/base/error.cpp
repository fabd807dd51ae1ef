#include "base/error.hpp"

#include <system_error>

#include <fmt/format.h>

namespace culvert {

std::string_view name(ErrorCode code) {
    switch (code) {
        case ErrorCode::malformed: return "malformed";
        case ErrorCode::unsupported: return "unsupported";
        case ErrorCode::unsupported_critical_payload: return "unsupported_critical_payload";
        case ErrorCode::unsupported_version: return "unsupported_version";
        case ErrorCode::no_proposal_chosen: return "no_proposal_chosen";
        case ErrorCode::invalid_ke_payload: return "invalid_ke_payload";
        case ErrorCode::no_connection: return "no_connection";
        case ErrorCode::authentication_failed: return "authentication_failed";
        case ErrorCode::ts_unacceptable: return "ts_unacceptable";
        case ErrorCode::single_pair_required: return "single_pair_required";
        case ErrorCode::no_additional_sas: return "no_additional_sas";
        case ErrorCode::internal_address_failure: return "internal_address_failure";
        case ErrorCode::failed_cp_required: return "failed_cp_required";
        case ErrorCode::invalid_selectors: return "invalid_selectors";
        case ErrorCode::child_sa_not_found: return "child_sa_not_found";
        case ErrorCode::temporary_failure: return "temporary_failure";
        case ErrorCode::invalid_message_id: return "invalid_message_id";
        case ErrorCode::invalid_ike_spi: return "invalid_ike_spi";
        case ErrorCode::peer_refused: return "peer_refused";
        case ErrorCode::peer_unreachable: return "peer_unreachable";
        case ErrorCode::peer_gone: return "peer_gone";
        case ErrorCode::bad_key_material: return "bad_key_material";
        case ErrorCode::integrity_check_failed: return "integrity_check_failed";
        case ErrorCode::exhausted: return "exhausted";
        case ErrorCode::config: return "config";
        case ErrorCode::not_found: return "not_found";
        case ErrorCode::already_exists: return "already_exists";
        case ErrorCode::limit_reached: return "limit_reached";
        case ErrorCode::busy: return "busy";
        case ErrorCode::permission: return "permission";
        case ErrorCode::address_in_use: return "address_in_use";
        case ErrorCode::no_device: return "no_device";
        case ErrorCode::system: return "system";
        case ErrorCode::timed_out: return "timed_out";
        case ErrorCode::cancelled: return "cancelled";
        case ErrorCode::not_built: return "not_built";
        case ErrorCode::internal: return "internal";
    }
    return "internal";
}

std::string explain(const Error& error) {
    std::string out{name(error.code)};
    std::string_view separator = ": ";
    if (!error.wanted.empty()) {
        out += fmt::format("{}wanted {}", separator, error.wanted);
        separator = "; ";
    }
    if (!error.received.empty()) { out += fmt::format("{}got {}", separator, error.received); }
    if (!error.remedy.empty()) { out += fmt::format(". To fix it: {}", error.remedy); }
    return out;
}

Error malformed(std::string_view what, std::string_view why) {
    return {.code = ErrorCode::malformed,
            .wanted = fmt::format("a well-formed {}", what),
            .received = fmt::format("one that {}", why)};
}

Error system_error(std::string_view what, int error_number) {
    return {.code = ErrorCode::system,
            .wanted = std::string{what},
            .received = std::generic_category().message(error_number)};
}

}  // namespace culvert
