#include "cli/diagnose_stages.hpp"

#include <fmt/format.h>

#include "cli/render.hpp"

namespace culvert::cli {
namespace {

std::string_view exchange_of(Stage stage) {
    switch (stage) {
        case Stage::answers: return "IKE_SA_INIT";
        case Stage::suite:
        case Stage::authentication: return "IKE_AUTH";
        case Stage::child: return "CREATE_CHILD_SA";
    }
    return "IKE_SA_INIT";
}

std::string_view remedy_of(Stage stage) {
    switch (stage) {
        case Stage::answers:
            return "see whether the peer runs and has this address, and let UDP port 500 through "
                   "both ways in all firewalls between";
        case Stage::suite:
        case Stage::authentication:
            return "let UDP port 4500 and fragments through both ways in all firewalls between; "
                   "then look into the peer's log";
        case Stage::child: return "look into the peer's log";
    }
    return {};
}

}  // namespace

Stage stage_of(const Error& error, std::string_view exchange) {
    switch (error.code) {
        case ErrorCode::no_proposal_chosen:
        case ErrorCode::invalid_ke_payload:
            return exchange == "IKE_SA_INIT" ? Stage::suite : Stage::child;
        case ErrorCode::authentication_failed: return Stage::authentication;
        case ErrorCode::ts_unacceptable:
        case ErrorCode::single_pair_required:
        case ErrorCode::no_additional_sas:
        case ErrorCode::internal_address_failure:
        case ErrorCode::failed_cp_required:
        case ErrorCode::invalid_selectors: return Stage::child;
        default: break;
    }
    if (exchange == "IKE_AUTH") { return Stage::authentication; }
    return exchange == "CREATE_CHILD_SA" ? Stage::child : Stage::answers;
}

Unanswered unanswered_of(const vici::Section& ike, std::uint64_t seconds) {
    // What was agreed on in IKE_SA_INIT is there as soon as that was answered.
    const Stage stage = ike.find("encr-alg") == nullptr ? Stage::answers
                        : ike_is_up(ike)                ? Stage::child
                                                        : Stage::authentication;
    return {
        stage,
        {.code = ErrorCode::timed_out,
         .wanted = fmt::format("an answer to {} from {}[{}]", exchange_of(stage),
                               ike.value_or("remote-host", "?"), ike.value_or("remote-port", "?")),
         .received = fmt::format("none in {} s; the daemon goes on asking", seconds),
         .remedy = std::string{remedy_of(stage)}}};
}

}  // namespace culvert::cli
