#pragma once
// The refusals of IKEv2 that need words: what we wanted, what came, what to change. Those of
// proposals are in ike/proposal.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "ike/connection.hpp"
#include "ike/v2/selectors.hpp"
#include "ike/wire/header.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

// --- commands
Error no_such_connection(std::string_view name, const Config& config);
Error no_such_child(std::string_view connection, std::string_view child, const Config& config);
Error no_remote_address(const Connection& connection);
Error nothing_matched(std::string_view what);
Error cancelled(std::string_view by_what);
Error too_many_tasks(std::string_view connection);

// --- a peer that does not answer
// How a request travelled.
struct SentSize {
    std::size_t datagrams = 1;
    std::size_t largest = 0;  // octets; 0: not known
};
Error peer_unreachable_by_tcp(std::string_view connection, const Endpoint& remote,
                              wire::ExchangeType exchange, std::string_view hint);
Error peer_unreachable(std::string_view connection, const Endpoint& remote,
                       wire::ExchangeType exchange, unsigned messages, std::string_view hint,
                       const SentSize& size = {});
// `arrived` of `total` fragments of the IKE_AUTH request; a total of 0: nothing of it.
Error half_open_timeout(const Endpoint& remote, std::size_t arrived, std::size_t total);
Error peer_closed(std::string_view connection, std::string_view what);

// --- payloads that are missing or too many (RFC 7296 2.21: INVALID_SYNTAX inside SK, else silence)
Error bad_payloads(wire::ExchangeType exchange, std::string_view wanted,
                   const wire::Payloads& received);
Error unexpected_exchange(wire::ExchangeType exchange, std::string_view state);

// --- IKE_SA_INIT
Error we_only_begin();
Error no_connection_for_addresses(const Endpoint& local, const Endpoint& remote);
Error ke_refused(std::string_view connection, crypto::KeMethod asked, std::string_view ours,
                 std::string_view why);
Error too_many_cookies(std::string_view connection, const Endpoint& remote);

Error peer_lacks_childless(std::string_view connection);
// Additional key exchanges were chosen, or offered, without IKE_INTERMEDIATE to carry them.
Error lacks_intermediate(std::string_view connection);
// IKE_AUTH before the additional key exchanges.
Error key_exchange_missing(std::string_view connection, crypto::KeMethod next);

// --- IKE_AUTH
Error child_in_auth_refused(std::string_view connection);
Error childless_refused(std::string_view connection);
Error no_ppk(std::string_view connection, std::string_view received);
Error no_connection_for_identities(const Identity& remote, const Identity* local,
                                   const Endpoint& from);
Error no_secret(std::string_view connection, const Identity& local, const Identity& remote);
Error wrong_psk(std::string_view connection, const Identity& local, const Identity& remote,
                std::string_view secret);
Error wrong_null_auth(std::string_view connection);
// `wanted`: swanctl's word for what remote.auth is.
Error auth_method_unsupported(std::string_view connection, std::string_view received,
                              std::string_view wanted = "psk");
Error identity_mismatch(std::string_view connection, const Identity& wanted,
                        const Identity& received);
Error duplicate_peer(std::string_view connection, const Identity& remote);
Error peer_failed_authentication(std::string_view connection, const Identity& local,
                                 const Identity& remote, std::string_view secret);
// `certificate`: what we signed for; empty: a raw public key.
Error peer_refused_signature(std::string_view connection, const Identity& local,
                             const Identity& remote, std::string_view certificate);

// --- EAP in IKE_AUTH; what goes on inside of it is in ike/eap/errors.hpp
// The peer proves itself otherwise.
Error eap_wanted(std::string_view connection, const std::vector<eap::Type>& methods,
                 std::string_view received);
// Who proves himself by EAP is who begins.
Error eap_only_answers(std::string_view connection);
Error eap_alone_not_wanted(std::string_view connection);
Error eap_not_mutual(std::string_view connection, std::string_view method);
Error eap_user_not_here(std::string_view connection, const Identity& user, const Identity& wanted);
Error wrong_eap_auth(std::string_view connection, std::string_view method);
// Before EAP began.
Error peer_refused_eap(std::string_view connection, const Identity& local, const Identity& remote);
Error peer_gave_up_eap(std::string_view connection, const Identity& remote);
Error peer_gave_up_rounds(std::string_view connection, const Identity& remote);

// --- Child SAs
// A NAT is on the way and only AH is left to agree on.
Error ah_through_nat(std::string_view connection, std::string_view child);
Error no_selectors_in_common(const Connection& connection, const Ends& ends,
                             const SelectorPair& offered);
Error answer_widens_selectors(std::string_view connection, std::string_view child,
                              const SelectorPair& offered, const SelectorPair& answered);
Error too_many_children(std::string_view connection);
Error no_address_pool(std::string_view connection);
Error no_virtual_address(std::string_view connection);
Error address_request_required(std::string_view connection);
Error pools_are_empty(std::string_view connection, const std::vector<std::string>& pools);
Error child_not_found(std::string_view what);
Error busy(std::string_view why);
Error asks_too_much(std::string_view connection);
// For the remedy, where a suite was good in IKE_AUTH and is not in a rekey.
constexpr std::string_view about_pfs_at_rekey =
    "; what differs is likely the key exchange for perfect forward secrecy, which counts only at a "
    "rekey: the first Child SA has its keys from IKE_AUTH. Both sides must have the same group, or "
    "none, in esp_proposals";
// What a peer's error notify means for us, with what we had proposed. `ah`: AH alone for the child.
Error peer_refused(std::string_view connection, std::string_view child, wire::NotifyType notify,
                   std::string_view offered, bool ah = false);

}  // namespace culvert::ike::v2
