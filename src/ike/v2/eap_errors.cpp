#include <fmt/format.h>

#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

Error refused(std::string wanted, std::string received, std::string remedy) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = std::move(wanted),
            .received = std::move(received),
            .remedy = std::move(remedy)};
}

}  // namespace

Error eap_wanted(std::string_view connection, const std::vector<eap::Type>& methods,
                 std::string_view received) {
    return refused(
        fmt::format("{} (connections.{}.remote.auth)", eap::to_string(methods), connection),
        std::string{received},
        fmt::format("set the peer to EAP, or connections.{}.remote.auth to what it does",
                    connection));
}

Error eap_only_answers(std::string_view connection) {
    return {.code = ErrorCode::config,
            .wanted = fmt::format("a connection that can begin, {}", connection),
            .received = "remote.auth = eap: it is the initiator that proves itself by EAP",
            .remedy =
                "let the peer begin; or, where we are the client, set local.auth to eap and "
                "remote.auth to what the gateway has"};
}

Error eap_alone_not_wanted(std::string_view connection) {
    return refused(
        fmt::format("a peer that lets EAP alone prove us (connections.{}.local.auth)", connection),
        "no EAP_ONLY_AUTHENTICATION (RFC 5998)",
        fmt::format("set connections.{}.local.auth = pubkey, with a certificate that "
                    "the peer trusts",
                    connection));
}

Error eap_not_mutual(std::string_view connection, std::string_view method) {
    return refused(fmt::format("an EAP method that proves the responder, too, as it does nothing "
                               "else to prove itself (connections.{}.remote.auth)",
                               connection),
                   fmt::format("{}, which does not", method),
                   fmt::format("set connections.{}.remote.auth = pubkey, or both sides to eap-tls",
                               connection));
}

Error eap_user_not_here(std::string_view connection, const Identity& user, const Identity& wanted) {
    return refused(
        fmt::format("an EAP identity that fits {} (connections.{}.remote.eap_id)",
                    wanted.to_string(), connection),
        fmt::format("\"{}\", who has the right password but no connection", user.to_string()),
        fmt::format("set connections.{}.remote.eap_id = {}, or to %any", connection,
                    user.to_string()));
}

Error wrong_eap_auth(std::string_view connection, std::string_view method) {
    return refused(
        fmt::format("an AUTH with the key that {} has made (connection {})", method, connection),
        "another one: somebody sits in between, or the keys were made differently",
        "nothing, if somebody sits in between; else the peer is at fault");
}

Error peer_refused_eap(std::string_view connection, const Identity& local, const Identity& remote) {
    return {.code = ErrorCode::authentication_failed,
            .wanted = fmt::format("the peer ({}) to begin EAP with us as {}", remote.to_string(),
                                  local.to_string()),
            .received = "AUTHENTICATION_FAILED",
            .remedy = fmt::format("see the peer's log for why; common: it has no connection for "
                                  "these identities that takes EAP (connections.{}.local.auth)",
                                  connection)};
}

Error peer_gave_up_eap(std::string_view connection, const Identity& remote) {
    return {.code = ErrorCode::authentication_failed,
            .wanted =
                fmt::format("{} to go on with EAP (connection {})", remote.to_string(), connection),
            .received = "AUTHENTICATION_FAILED",
            .remedy =
                "see the peer's log for why; common: it does not trust our certificate, or "
                "has no password for its user"};
}

Error peer_gave_up_rounds(std::string_view connection, const Identity& remote) {
    return {.code = ErrorCode::authentication_failed,
            .wanted = fmt::format("{} to go on with its authentication rounds (connection {})",
                                  remote.to_string(), connection),
            .received = "AUTHENTICATION_FAILED",
            .remedy =
                "see the peer's log for why; common: it does not trust our certificate, or has "
                "another number of rounds (its sections local and remote)"};
}

}  // namespace culvert::ike::v2
