#include "ike/v2/errors.hpp"

#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

std::string known_connections(const Config& config) {
    if (config.connections.empty()) { return "no connection is loaded"; }
    std::vector<std::string> known;
    for (const Connection& connection : config.connections) { known.push_back(connection.name); }
    return fmt::format("loaded are {}", fmt::join(known, ", "));
}

std::string text_of(const SentSize& size) {
    if (size.largest == 0) { return {}; }
    if (size.datagrams == 1) { return fmt::format(" of {} octets", size.largest); }
    return fmt::format(" in {} fragments, the largest of {} octets", size.datagrams, size.largest);
}

std::string text_of(const Identity& identity) {
    return fmt::format("{} ({})", identity.to_string(), identity.type_name());
}

// IPv4 requires every path to carry so much (RFC 791); what is larger may meet a smaller MTU.
constexpr std::size_t large_datagram = 548;

// What the exchange that nobody answered says beside the ports.
std::string what_silence_means(wire::ExchangeType exchange, const SentSize& size) {
    switch (exchange) {
        case wire::ExchangeType::ike_sa_init: return "";
        case wire::ExchangeType::ike_intermediate:
        case wire::ExchangeType::ike_auth:
            return fmt::format(
                "; it did answer IKE_SA_INIT, so a firewall or a missing forwarding of the NAT-T "
                "port is likely{}",
                size.largest > large_datagram || size.datagrams > 1
                    ? ", or a way on which large packets are lost (an MTU black hole): there a "
                      "smaller charon.fragment_size helps, on both sides, with fragmentation = yes"
                    : "");
        default:
            return "; it did answer before, so see whether it was restarted, or what changed on "
                   "the way";
    }
}

}  // namespace

Error no_such_connection(std::string_view name, const Config& config) {
    return {.code = ErrorCode::no_connection,
            .wanted = fmt::format("connection \"{}\"", printable(name)),
            .received = known_connections(config),
            .remedy = "name one of those, or add connections." + printable(name) +
                      " to swanctl.conf and run `culvert reload`"};
}

Error no_such_child(std::string_view connection, std::string_view child, const Config& config) {
    std::vector<std::string> names;
    for (const Connection& c : config.connections) {
        if (!connection.empty() && c.name != connection) { continue; }
        for (const ChildConfig& k : c.children) { names.push_back(k.name); }
    }
    return {
        .code = ErrorCode::no_connection,
        .wanted = fmt::format("child \"{}\"{}", printable(child),
                              connection.empty() ? std::string(" of any connection")
                                                 : fmt::format(" of connection {}", connection)),
        .received = names.empty() ? std::string("there is no child at all")
                                  : fmt::format("there is {}", fmt::join(names, ", ")),
        .remedy = fmt::format("name one of those, or add connections.{}.children.{} and run "
                              "`culvert reload`",
                              connection.empty() ? "<name>" : connection, printable(child))};
}

Error no_remote_address(const Connection& connection) {
    std::vector<std::string> texts;
    for (const AddressPattern& p : connection.remote_addrs) { texts.push_back(p.text); }
    return {.code = ErrorCode::config,
            .wanted = "one address to send to",
            .received = texts.empty() ? std::string("no remote_addrs, which means %any")
                                      : fmt::format("remote_addrs = {}", fmt::join(texts, ", ")),
            .remedy = fmt::format("set connections.{}.remote_addrs to the peer's address, or to a "
                                  "name that resolves; as it is, this connection can only answer",
                                  connection.name)};
}

Error nothing_matched(std::string_view what) {
    return {.code = ErrorCode::not_found,
            .wanted = std::string(what),
            .received = "no SA matches",
            .remedy = "see `culvert status` for what is up"};
}

Error cancelled(std::string_view by_what) {
    return {.code = ErrorCode::cancelled, .received = std::string(by_what)};
}

Error too_many_tasks(std::string_view connection) {
    return {.code = ErrorCode::limit_reached,
            .wanted = fmt::format("another exchange on connection {}", connection),
            .received = "too many exchanges wait on this IKE SA already",
            .remedy = "wait until they are done"};
}

Error peer_unreachable(std::string_view connection, const Endpoint& remote,
                       wire::ExchangeType exchange, unsigned messages, std::string_view hint,
                       const SentSize& size) {
    const bool nat_t = remote.port != 500;
    return {.code = ErrorCode::peer_unreachable,
            .wanted = fmt::format("an answer from {} to {}", remote.to_string(),
                                  wire::to_string(exchange)),
            .received = fmt::format(
                "nothing after {} messages{}{}", messages, text_of(size),
                hint.empty() ? std::string{} : fmt::format("; the network said: {}", hint)),
            .remedy = fmt::format(
                "check connections.{}.remote_addrs, that the peer runs, and that UDP port{} reach "
                "it and back{}",
                connection, nat_t ? fmt::format("s 500 and {}", remote.port) : " 500",
                what_silence_means(exchange, size))};
}

Error peer_unreachable_by_tcp(std::string_view connection, const Endpoint& remote,
                              wire::ExchangeType exchange, std::string_view hint) {
    return {
        .code = ErrorCode::peer_unreachable,
        .wanted = fmt::format("an answer from {} to {}, over TCP port {}",
                              remote.address.to_string(), wire::to_string(exchange), remote.port),
        .received = hint.empty() ? std::string{"nothing"}
                                 : fmt::format("nothing; the network said: {}", hint),
        .remedy = fmt::format("check that the peer listens for IKE over TCP (Culvert: "
                              "charon.culvert_tcp_listen = yes) on that port "
                              "(connections.{}.culvert_tcp_port), and that TCP reaches it",
                              connection)};
}

Error half_open_timeout(const Endpoint& remote, std::size_t arrived, std::size_t total) {
    if (total > 0) {
        return {.code = ErrorCode::timed_out,
                .wanted = "IKE_AUTH after IKE_SA_INIT",
                .received = fmt::format("{} of its {} fragments from {}", arrived, total,
                                        remote.to_string()),
                .remedy =
                    "larger ones are lost on the way (an MTU black hole): set the peer's "
                    "charon.fragment_size lower, and let ICMP type 3 code 4 (IPv6: type 2) "
                    "pass"};
    }
    return {.code = ErrorCode::timed_out,
            .wanted = "IKE_AUTH after IKE_SA_INIT",
            .received = fmt::format("none from {} in time", remote.to_string()),
            .remedy =
                "see the peer's log for why it did not go on; a firewall on UDP port 4500 is "
                "common, and so is a way on which large packets are lost (an MTU black hole), if "
                "the peer sends its IKE_AUTH whole or in large fragments"};
}

Error peer_closed(std::string_view connection, std::string_view what) {
    return {.code = ErrorCode::peer_gone,
            .wanted = fmt::format("connection {} to go on", connection),
            .received = std::string(what),
            .remedy = "see the peer's log for why"};
}

Error bad_payloads(wire::ExchangeType exchange, std::string_view wanted,
                   const wire::Payloads& received) {
    std::vector<std::string> names;
    for (const wire::Payload& payload : received) {
        if (names.size() == 16) {
            names.emplace_back("...");
            break;
        }
        names.push_back(wire::to_string(wire::type_of(payload)));
    }
    return {.code = ErrorCode::malformed,
            .notify = NotifyType::invalid_syntax,
            .wanted = fmt::format("{} with {}", wire::to_string(exchange), wanted),
            .received = fmt::format("[ {} ]", fmt::join(names, " ")),
            .remedy = "this is a fault of the peer's implementation; report it there"};
}

Error unexpected_exchange(wire::ExchangeType exchange, std::string_view state) {
    return {.code = ErrorCode::malformed,
            .notify = NotifyType::invalid_syntax,
            .wanted = fmt::format("an exchange that fits an IKE SA that is {}", state),
            .received = wire::to_string(exchange),
            .remedy = "this is a fault of the peer's implementation; report it there"};
}

Error we_only_begin() {
    return {.code = ErrorCode::no_connection,
            .wanted = "to begin IKE SAs ourselves (charon.initiator_only = yes)",
            .received = "a peer that begins one",
            .remedy = "set charon.initiator_only = no, if peers may"};
}

Error no_connection_for_addresses(const Endpoint& local, const Endpoint& remote) {
    return {
        .code = ErrorCode::no_connection,
        .notify = NotifyType::no_proposal_chosen,
        .wanted = "a connection whose local_addrs and remote_addrs fit",
        .received = fmt::format("IKE_SA_INIT from {} to {}", remote.to_string(), local.to_string()),
        .remedy = fmt::format("add {} to the remote_addrs of the connection that is meant",
                              remote.address.to_string())};
}

Error ke_refused(std::string_view connection, crypto::KeMethod asked, std::string_view ours,
                 std::string_view why) {
    return {.code = ErrorCode::invalid_ke_payload,
            .wanted = fmt::format("a group of our proposals ({})", ours),
            .received = fmt::format("INVALID_KE_PAYLOAD asking for {}: {}", to_string(asked), why),
            .remedy = fmt::format("put the group that the peer accepts first in the proposals of "
                                  "connections.{}, on both sides",
                                  connection)};
}

Error too_many_cookies(std::string_view connection, const Endpoint& remote) {
    return {.code = ErrorCode::peer_refused,
            .wanted = fmt::format("connection {} to be answered", connection),
            .received = fmt::format("{} asks for one cookie after another", remote.to_string()),
            .remedy = "the peer is overloaded or its clock of cookies is broken; try again later"};
}

Error wrong_null_auth(std::string_view connection) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("an AUTH of {} under the keys of its own IKE SA (RFC 7619 2.1)",
                                  connection),
            .received = "another one",
            .remedy = "nothing, if somebody sits in between; else the peer is at fault"};
}

Error lacks_intermediate(std::string_view connection) {
    return {.code = ErrorCode::no_proposal_chosen,
            .notify = NotifyType::no_proposal_chosen,
            .wanted = "N(INTERMEDIATE_EXCHANGE_SUPPORTED) beside additional key exchanges",
            .received = "none (RFC 9370 2.2.1 asks for it)",
            .remedy = fmt::format("the peer is at fault: leave the words ke1_... to ke7_... out of "
                                  "connections.{}.proposals for it, which gives them up",
                                  connection)};
}

Error key_exchange_missing(std::string_view connection, crypto::KeMethod next) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::invalid_syntax,
            .wanted = fmt::format("IKE_INTERMEDIATE with a KE of {} before IKE_AUTH ({})",
                                  to_string(next), connection),
            .received = "IKE_AUTH",
            .remedy = "the peer breaks the protocol (RFC 9370 2.2.2)"};
}

Error peer_lacks_childless(std::string_view connection) {
    return {.code = ErrorCode::unsupported,
            .wanted = fmt::format("a peer that takes an IKE SA without a Child SA "
                                  "(connections.{}.childless = force)",
                                  connection),
            .received = "no CHILDLESS_IKEV2_SUPPORTED",
            .remedy = fmt::format("set connections.{}.childless = prefer", connection)};
}

Error child_in_auth_refused(std::string_view connection) {
    return {.code = ErrorCode::no_additional_sas,
            .notify = NotifyType::no_additional_sas,
            .wanted = fmt::format("an IKE SA without a Child SA first (connections.{}.childless = "
                                  "force)",
                                  connection),
            .received = "a Child SA in IKE_AUTH",
            .remedy = "set childless = prefer at the peer, or childless = allow here"};
}

Error childless_refused(std::string_view connection) {
    return {.code = ErrorCode::malformed,
            .notify = NotifyType::invalid_syntax,
            .wanted = fmt::format("a Child SA in IKE_AUTH (connections.{}.childless = never)",
                                  connection),
            .received = "IKE_AUTH without SA, TSi and TSr",
            .remedy = fmt::format("set connections.{}.childless = allow", connection)};
}

Error no_ppk(std::string_view connection, std::string_view received) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("a post-quantum secret that both sides have "
                                  "(connections.{}.ppk_id, ppk_required)",
                                  connection),
            .received = std::string(received),
            .remedy =
                "give both sides the same secrets.ppk-<name> with the same id; ppk_required "
                "= no goes on without, and gives up what it protects"};
}

Error no_connection_for_identities(const Identity& remote, const Identity* local,
                                   const Endpoint& from) {
    return {
        .code = ErrorCode::authentication_failed,
        .notify = NotifyType::authentication_failed,
        .wanted = "a connection whose remote.id (and local.id) fit",
        .received = fmt::format(
            "{} calls itself {}{}", from.to_string(), text_of(remote),
            local == nullptr ? std::string{} : fmt::format(" and asks for {}", text_of(*local))),
        .remedy =
            fmt::format("set connections.<name>.remote.id = {}{}, or change the peer's "
                        "local identity",
                        remote.to_string(),
                        local == nullptr ? std::string{}
                                         : fmt::format(" and local.id = {}", local->to_string()))};
}

Error no_secret(std::string_view connection, const Identity& local, const Identity& remote) {
    return {
        .code = ErrorCode::authentication_failed,
        .notify = NotifyType::authentication_failed,
        .wanted = fmt::format("a pre-shared secret for {} and {}", text_of(local), text_of(remote)),
        .received = "none is loaded for that pair",
        .remedy = fmt::format("add secrets.ike-{} with id-1 = {}, id-2 = {} and the secret",
                              connection, local.to_string(), remote.to_string())};
}

Error wrong_psk(std::string_view connection, const Identity& local, const Identity& remote,
                std::string_view secret) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("{} to prove that it knows the pre-shared secret secrets.{}",
                                  text_of(remote), secret),
            .received = "an AUTH payload that does not verify with it",
            .remedy = fmt::format("make secrets.{} of connection {} the same on both sides, and "
                                  "check that the peer uses the secret of {} and {}",
                                  secret, connection, local.to_string(), remote.to_string())};
}

Error auth_method_unsupported(std::string_view connection, std::string_view received,
                              std::string_view wanted) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("authentication {}", wanted == "psk"
                                                           ? "with a pre-shared secret (SHARED_KEY)"
                                                           : "by a signature"),
            .received = std::string(received),
            .remedy = fmt::format("set the peer to auth = {0}, or connections.{1}.remote.auth to "
                                  "what it does; it is {0}",
                                  wanted, connection)};
}

Error identity_mismatch(std::string_view connection, const Identity& wanted,
                        const Identity& received) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("the peer to be {}", text_of(wanted)),
            .received = fmt::format("it is {}", text_of(received)),
            .remedy = fmt::format("set connections.{}.remote.id = {}, or change the peer's local "
                                  "identity",
                                  connection, received.to_string())};
}

Error duplicate_peer(std::string_view connection, const Identity& remote) {
    return {.code = ErrorCode::authentication_failed,
            .notify = NotifyType::authentication_failed,
            .wanted = fmt::format("at most one IKE SA with {} (unique = keep)", text_of(remote)),
            .received = "another one",
            .remedy = fmt::format("close the old one, or set connections.{}.unique = replace",
                                  connection)};
}

Error peer_failed_authentication(std::string_view connection, const Identity& local,
                                 const Identity& remote, std::string_view secret) {
    return {.code = ErrorCode::authentication_failed,
            .wanted = fmt::format("the peer to accept us as {}, with the pre-shared secret "
                                  "secrets.{}",
                                  text_of(local), secret),
            .received = "AUTHENTICATION_FAILED",
            .remedy = fmt::format("make secrets.{} the same on both sides, and the peer's remote "
                                  "identity {}; connections.{}.remote.id is {}; if another host "
                                  "with our identity is connected already, the peer may keep to "
                                  "that (unique = keep). The peer's log says which it was",
                                  secret, local.to_string(), connection, remote.to_string())};
}

Error peer_refused_signature(std::string_view connection, const Identity& local,
                             const Identity& remote, std::string_view certificate) {
    return {
        .code = ErrorCode::authentication_failed,
        .wanted = fmt::format(
            "the peer to accept us as {}, with {}", text_of(local),
            certificate.empty() ? "our key" : fmt::format("the certificate {}", certificate)),
        .received = "AUTHENTICATION_FAILED",
        .remedy = fmt::format(
            "see that the peer trusts {}, that its clock is right, that its remote identity is "
            "{}, and ours of it, connections.{}.remote.id, {}; if another host with our identity "
            "is connected already, the peer may keep to that (unique = keep). The peer's log says "
            "which it was",
            certificate.empty() ? "this key" : "the authority that issued it", local.to_string(),
            connection, remote.to_string())};
}

}  // namespace culvert::ike::v2
