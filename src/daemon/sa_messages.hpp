#pragma once
// SAs, connections and policies as VICI sections: the keys of strongSwan's list-sa, list-conn and
// list-policy, in its order; what we add begins with "culvert-".

#include <functional>
#include <optional>
#include <vector>

#include "base/instant.hpp"
#include "ike/connection.hpp"
#include "ike/status.hpp"
#include "ipsec_types/policy.hpp"
#include "vici/message.hpp"

namespace culvert::daemon {

using CountersOf = std::function<std::optional<ChildSaCounters>(ChildSaId)>;

struct Moment {
    Instant now{};
    CountersOf counters;  // may be empty
};

// The IKE SA without its children.
vici::Section ike_section(const ike::IkeSaStatus& ike, const Moment& moment);
vici::Section child_section(const ike::ChildSaStatus& child, const Moment& moment);
// {<connection> = {..., child-sas = {<child>-<id> = {...}}}}: what list-sa carries.
vici::Message list_sa(const ike::IkeSaStatus& ike, const Moment& moment);
// The same in as many messages as it takes: each fits in a packet of VICI, and has some of the
// children.
std::vector<vici::Message> list_sa_in_parts(const ike::IkeSaStatus& ike, const Moment& moment);
// The same with one child only: child-updown and child-rekey.
vici::Message ike_with_child(const ike::IkeSaStatus& ike, const ike::ChildSaStatus& child,
                             const Moment& moment);
// "net-3": how list-sa names a child.
std::string child_key(const ike::ChildSaStatus& child);

// How it goes with a child, in addition to how it is configured.
using ChildNews = std::function<void(const ike::ChildConfig& child, vici::Section& out)>;
vici::Message list_conn(const ike::Connection& connection, const ChildNews& news = {});
vici::Message list_policy(const Policy& policy, std::string_view mode);

// swanctl's words.
std::string_view mode_name(ike::ChildMode mode);
std::string_view mode_name(IpsecMode mode);
std::string_view action_name(ike::StartAction action);

}  // namespace culvert::daemon
