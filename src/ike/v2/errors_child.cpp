// Of Child SAs and addresses, and what a peer's refusal means.

#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "ike/v2/errors.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

namespace {

std::string pair_text(const SelectorPair& pair) {
    return fmt::format("{} === {}", to_string(pair.local), to_string(pair.remote));
}

}  // namespace

Error ah_through_nat(std::string_view connection, std::string_view child) {
    return {
        .code = ErrorCode::no_proposal_chosen,
        .notify = NotifyType::no_proposal_chosen,
        .wanted = "AH from end to end: it protects the IP addresses, too (RFC 4302 1)",
        .received = "a NAT on the way (or encap = yes), which changes them: no packet would pass",
        .remedy = fmt::format("set connections.{}.children.{}.esp_proposals in place of "
                              "ah_proposals; null with an integrity algorithm (null-sha256) "
                              "authenticates without encryption, as AH does",
                              printable(connection), printable(child))};
}

Error no_selectors_in_common(const Connection& connection, const Ends& ends,
                             const SelectorPair& offered) {
    std::vector<std::string> ours;
    for (const ChildConfig& child : connection.children) {
        ours.push_back(
            fmt::format("{}: {}", child.name,
                        pair_text({.local = resolve(child.local_ts, ends.dynamic_local()),
                                   .remote = resolve(child.remote_ts, ends.dynamic_remote())})));
    }
    const std::string child =
        connection.children.empty() ? "<name>" : connection.children.front().name;
    return {.code = ErrorCode::ts_unacceptable,
            .notify = NotifyType::ts_unacceptable,
            .wanted = ours.empty()
                          ? fmt::format("nothing: connection {} has no children", connection.name)
                          : fmt::format("selectors within {}", fmt::join(ours, "; ")),
            .received = pair_text(offered),
            .remedy = fmt::format("set connections.{0}.children.{1}.local_ts = {2} and remote_ts = "
                                  "{3}, or the peer's to fit ours",
                                  connection.name, child, to_string(offered.local),
                                  to_string(offered.remote))};
}

Error answer_widens_selectors(std::string_view connection, std::string_view child,
                              const SelectorPair& offered, const SelectorPair& answered) {
    return {.code = ErrorCode::ts_unacceptable,
            .notify = NotifyType::ts_unacceptable,
            .wanted = fmt::format("selectors within {}", pair_text(offered)),
            .received = pair_text(answered),
            .remedy = fmt::format("the peer must narrow, not widen (RFC 7296 2.9); make the "
                                  "selectors of connections.{}.children.{} the same on both sides",
                                  connection, child)};
}

Error too_many_children(std::string_view connection) {
    return {.code = ErrorCode::no_additional_sas,
            .notify = NotifyType::no_additional_sas,
            .wanted = "a bounded number of Child SAs on one IKE SA",
            .received = "a request for one more",
            .remedy = fmt::format("join the selectors of connections.{}'s children", connection)};
}

Error no_address_pool(std::string_view connection) {
    return {.code = ErrorCode::internal_address_failure,
            .notify = NotifyType::internal_address_failure,
            .wanted = "no request for a virtual address",
            .received = "a Configuration payload that asks for one",
            .remedy = fmt::format("connections.{} has no pools: remove vips from the peer's "
                                  "connection",
                                  connection)};
}

Error no_virtual_address(std::string_view connection) {
    return {.code = ErrorCode::internal_address_failure,
            .notify = NotifyType::internal_address_failure,
            .wanted = fmt::format("a virtual address (connections.{}.vips)", connection),
            .received = "an answer without one",
            .remedy = fmt::format("give the peer a pool for us, or remove connections.{}.vips",
                                  connection)};
}

Error address_request_required(std::string_view connection) {
    return {.code = ErrorCode::failed_cp_required,
            .notify = NotifyType::failed_cp_required,
            .wanted = fmt::format("a request for a virtual address, since connections.{}.pools is "
                                  "set",
                                  connection),
            .received = "none",
            .remedy = fmt::format("set vips = 0.0.0.0 at the peer, or remove connections.{}.pools",
                                  connection)};
}

Error pools_are_empty(std::string_view connection, const std::vector<std::string>& pools) {
    return {.code = ErrorCode::internal_address_failure,
            .notify = NotifyType::internal_address_failure,
            .wanted = "a free virtual address of the family that was asked for",
            .received =
                fmt::format("no such pool, or all addresses in use, in {}", fmt::join(pools, ", ")),
            .remedy = fmt::format("widen pools.<name>.addrs, or name one more pool in "
                                  "connections.{}.pools",
                                  connection)};
}

Error child_not_found(std::string_view what) {
    return {.code = ErrorCode::child_sa_not_found,
            .notify = NotifyType::child_sa_not_found,
            .wanted = "the SPI of one of our Child SAs",
            .received = std::string(what)};
}

Error busy(std::string_view why) {
    return {.code = ErrorCode::temporary_failure,
            .notify = NotifyType::temporary_failure,
            .wanted = "to answer later (RFC 7296 2.25)",
            .received = std::string(why)};
}

Error asks_too_much(std::string_view connection) {
    return {.code = ErrorCode::temporary_failure,
            .notify = NotifyType::temporary_failure,
            .wanted = fmt::format("key exchanges worth {} of Curve25519 at once and {} a second",
                                  effort_at_once, effort_per_second),
            .received = "more of them",
            .remedy = fmt::format("look why the peer rekeys so often; fewer children, a longer "
                                  "rekey_time or a curve in connections.{}.proposals and its "
                                  "children's esp_proposals cost less",
                                  connection)};
}

Error peer_refused(std::string_view connection, std::string_view child, NotifyType notify,
                   std::string_view offered, bool ah) {
    Error error{.code = ErrorCode::peer_refused,
                .wanted = std::string(offered),
                .received = wire::to_string(notify)};
    const std::string where = child.empty()
                                  ? fmt::format("connections.{}", connection)
                                  : fmt::format("connections.{}.children.{}", connection, child);
    switch (notify) {
        case NotifyType::no_proposal_chosen:
            error.code = ErrorCode::no_proposal_chosen;
            error.remedy =
                fmt::format("set {}.{} to what the peer accepts, its log has that{}", where,
                            child.empty() ? "proposals"
                            : ah          ? "ah_proposals"
                                          : "esp_proposals",
                            child.empty() ? "; some peers say the same when they have no "
                                            "connection for our address"
                                          : "");
            return error;
        case NotifyType::ts_unacceptable:
            error.code = ErrorCode::ts_unacceptable;
            error.remedy = fmt::format(
                "make {0}.local_ts the peer's remote_ts and {0}.remote_ts "
                "its local_ts, or wider",
                where);
            return error;
        case NotifyType::single_pair_required:
            error.code = ErrorCode::single_pair_required;
            error.remedy = fmt::format("give {}.local_ts and remote_ts one selector each", where);
            return error;
        case NotifyType::ts_max_queue:
            error.code = ErrorCode::no_additional_sas;
            error.remedy = "nothing: those that there are carry on (RFC 9611)";
            return error;
        case NotifyType::no_additional_sas:
            error.code = ErrorCode::no_additional_sas;
            error.remedy = "the peer takes one Child SA an IKE SA: join the selectors in one child";
            return error;
        case NotifyType::internal_address_failure:
            error.code = ErrorCode::internal_address_failure;
            error.remedy = "the peer has no virtual address for us: see its pools";
            return error;
        case NotifyType::failed_cp_required:
            error.code = ErrorCode::failed_cp_required;
            error.remedy = fmt::format(
                "the peer insists on giving us a virtual address: set "
                "connections.{}.vips = 0.0.0.0",
                connection);
            return error;
        case NotifyType::invalid_selectors: error.code = ErrorCode::invalid_selectors; return error;
        case NotifyType::child_sa_not_found:
            error.code = ErrorCode::child_sa_not_found;
            error.remedy = "the peer has closed that Child SA already";
            return error;
        case NotifyType::temporary_failure:
            error.code = ErrorCode::temporary_failure;
            error.remedy = "the peer is busy with the same SA; try again in a while";
            return error;
        case NotifyType::authentication_failed:
            error.code = ErrorCode::authentication_failed;
            error.remedy = fmt::format("check the secret and the identities of {}", where);
            return error;
        default: error.remedy = "see the peer's log for why"; return error;
    }
}

}  // namespace culvert::ike::v2
