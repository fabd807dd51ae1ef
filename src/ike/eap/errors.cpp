#include "ike/eap/errors.hpp"

#include <fmt/format.h>

#include "ike/wire/notify_type.hpp"

namespace culvert::ike::eap {
namespace {

Error refused(std::string wanted, std::string received, std::string remedy) {
    return {.code = ErrorCode::authentication_failed,
            .notify = wire::NotifyType::authentication_failed,
            .wanted = std::move(wanted),
            .received = std::move(received),
            .remedy = std::move(remedy)};
}

std::string words_of(const std::vector<Type>& types) {
    std::string out;
    for (const Type type : types) {
        const std::string_view word = word_of(type);
        if (word.empty()) { continue; }
        out += fmt::format("{}eap-{}", out.empty() ? "" : ", ", word);
    }
    return out;
}

// RFC 2759 6.
std::string_view meaning(unsigned number) {
    switch (number) {
        case 646: return "outside of the hours that this account may be used in";
        case 647: return "the account is disabled";
        case 648: return "the password has expired";
        case 649: return "the account may not dial in";
        case 691: return "wrong user or password";
        case 709: return "the password could not be changed";
        default: return "an error";
    }
}

}  // namespace

Error unknown_user(std::string_view connection, const Identity& user, Type method) {
    return refused(fmt::format("a user of connection {} with a password here, for {}", connection,
                               to_string(method)),
                   fmt::format("\"{}\", for whom there is none", user.to_string()),
                   fmt::format("add secrets {{ eap-{0} {{ id = {0} ... secret = ... }} }}, or let "
                               "the peer use another user (its eap_id)",
                               user.to_string()));
}

Error wrong_password(std::string_view connection, const Identity& user, std::string_view section,
                     Type method) {
    return refused(fmt::format("\"{}\" to prove by {} that it knows the password secrets.{}",
                               user.to_string(), to_string(method), section),
                   "a proof that does not fit: the password is another one",
                   fmt::format("make the password of that user the same on both sides "
                               "(connection {})",
                               connection));
}

Error no_method_in_common(std::string_view connection, const std::vector<Type>& ours,
                          const std::vector<Type>& wanted) {
    const std::string words = words_of(wanted);
    return refused(
        fmt::format("EAP by {} (connections.{}.remote.auth)", to_string(ours), connection),
        fmt::format("a Nak that asks for {}", to_string(wanted)),
        words.empty() ? fmt::format("set the peer to eap-{}", word_of(ours.front()))
                      : fmt::format("set connections.{}.remote.auth to {} (or to eap-dynamic), or "
                                    "the peer to eap-{}",
                                    connection, words, word_of(ours.front())));
}

Error peer_disbelieves(std::string_view connection, const Identity& user) {
    return refused(
        fmt::format("\"{}\" to accept our proof that we know its password, too", user.to_string()),
        "a failure",
        fmt::format("see the peer's log; connection {} has the right password, or the "
                    "peer's proof would not have fitted",
                    connection));
}

Error no_own_password(std::string_view connection, const Identity& user, Type method) {
    return refused(fmt::format("a password of \"{}\" for {} (connection {})", user.to_string(),
                               to_string(method), connection),
                   "none is loaded",
                   fmt::format("add secrets {{ eap-{} {{ id = {} ... secret = ... }} }}",
                               connection, user.to_string()));
}

Error password_refused(std::string_view connection, const Identity& user, std::string_view section,
                       unsigned number, std::string_view text) {
    return refused(fmt::format("the peer to let \"{}\" in with the password secrets.{}",
                               user.to_string(), section),
                   fmt::format("error {}: {} ({})", number, meaning(number), printable(text, 160)),
                   fmt::format("correct the password or connections.{}.local.eap_id; the peer's "
                               "log says more",
                               connection));
}

Error server_not_proved(std::string_view connection, const Identity& user,
                        std::string_view section) {
    return refused(fmt::format("the peer to prove that it knows the password of \"{}\", too",
                               user.to_string()),
                   "a proof that does not fit",
                   fmt::format("do not trust it: it accepted secrets.{} of connection {} without "
                               "knowing it, or is broken",
                               section, connection));
}

Error method_not_ours(std::string_view connection, const std::vector<Type>& ours, Type asked) {
    const std::string_view word = word_of(asked);
    return refused(
        fmt::format("EAP by {} (connections.{}.local.auth)", to_string(ours), connection),
        fmt::format("the peer offered {}, and ended when we asked for ours", to_string(asked)),
        word.empty() ? "set the peer to one of ours"
                     : fmt::format("set connections.{}.local.auth = eap-{}, or the peer to one of "
                                   "ours",
                                   connection, word));
}

Error failure_received(std::string_view connection, const Identity& user,
                       const std::string& method) {
    return refused(fmt::format("the peer to accept \"{}\" by {}", user.to_string(), method),
                   "EAP-Failure",
                   fmt::format("check the user (connections.{}.local.eap_id) and its password on "
                               "both sides; the peer's log says more",
                               connection));
}

Error success_too_early(std::string_view connection, const std::string& method) {
    return refused(fmt::format("the end of {} before EAP-Success", method),
                   "EAP-Success without it",
                   fmt::format("do not trust the peer of connection {}: it has not done its part",
                               connection));
}

Error method_switched(std::string_view connection, Type begun, Type asked) {
    return refused(fmt::format("{} to go on (RFC 3748 2.1)", to_string(begun)),
                   "a request of " + to_string(asked),
                   fmt::format("the peer of connection {} breaks the protocol", connection));
}

Error no_own_certificate(std::string_view connection) {
    return refused(
        fmt::format("a certificate with its key for EAP-TLS (connection {})", connection),
        "none is loaded",
        fmt::format("put the certificate into x509, its key into private, and name the "
                    "certificate in connections.{}.local.certs",
                    connection));
}

// The reasons of certificates explain themselves.
Error tls_failed(std::string_view connection, const Error& why) {
    Error error = why;
    error.code = ErrorCode::authentication_failed;
    error.notify = wire::NotifyType::authentication_failed;
    error.wanted = fmt::format("EAP-TLS of connection {}: {}", connection, why.wanted);
    if (error.remedy.empty()) {
        error.remedy =
            "see the peer's log for why; common: it does not trust our certificate, or "
            "ours is not for the identity that it expects";
    }
    return error;
}

Error bad_data(std::string_view connection, Type method, const Error& why) {
    return refused(fmt::format("{} on connection {}", to_string(method), connection),
                   why.received.empty() ? explain(why) : why.received,
                   "this is a fault of the peer's implementation; report it there");
}

Error out_of_turn(std::string_view connection, std::string_view wanted, std::string_view received) {
    return refused(fmt::format("{} (EAP on connection {})", wanted, connection),
                   std::string{received},
                   "this is a fault of the peer's implementation; report it there");
}

Error endless(std::string_view connection) {
    return refused(fmt::format("EAP of connection {} to come to an end", connection),
                   "one request after another",
                   "see the log of the peer, or of the server behind it");
}

}  // namespace culvert::ike::eap
