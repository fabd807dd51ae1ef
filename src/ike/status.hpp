#pragma once
// What can be known of the engine from outside: plain values for `status`, VICI's list-sas and
// events.

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/instant.hpp"
#include "ike/auth/identity.hpp"
#include "ike/proposal/proposal.hpp"
#include "ipsec_types/child_sa.hpp"

namespace culvert::ike {

enum class IkeState : std::uint8_t {
    created,
    connecting,
    established,
    rekeying,
    rekeyed,
    deleting,
    destroying
};
enum class ChildState : std::uint8_t {
    created,
    routed,
    installing,
    installed,
    updating,
    rekeying,
    rekeyed,
    retrying,
    deleting,
    deleted,
    destroying
};

// Upper case, as VICI has them: "ESTABLISHED".
std::string_view name(IkeState state);
std::string_view name(ChildState state);

struct ChildSaStatus {
    std::string name;
    std::uint32_t unique_id = 0;
    ChildSaId id{};
    ReqId reqid{};
    ChildState state{};
    IpsecMode mode{};
    bool udp_encap = false;
    std::optional<std::uint16_t> resource{};  // RFC 9611
    EspSpi inbound_spi{};
    EspSpi outbound_spi{};
    IpsecSuite suite;
    crypto::KeMethod ke = crypto::KeMethod::none;
    AdditionalKes additional{};
    TrafficSelectors local_ts;
    TrafficSelectors remote_ts;
    Instant installed_at{};
    std::optional<Instant> rekey_at{};
    std::optional<Instant> expires_at{};
};

struct IkeSaStatus {
    std::string connection;
    std::uint32_t unique_id = 0;
    int version = 2;
    IkeState state{};
    Endpoint local;
    Endpoint remote;
    Identity local_id;
    Identity remote_id;
    Identity remote_eap_id{};            // where EAP has proved another name; else %any
    std::vector<IpAddress> local_vips;   // given to us
    std::vector<IpAddress> remote_vips;  // given by us
    bool initiator = false;              // we are the original initiator
    std::uint64_t initiator_spi = 0;
    std::uint64_t responder_spi = 0;
    bool nat_local = false;
    bool nat_remote = false;
    bool nat_fake = false;
    bool tcp = false;           // it and its Child SAs go in TCP (RFC 9329)
    bool nat_traversal = true;  // both ends can (RFC 7296 2.23)
    std::optional<ChosenIkeSuite> suite{};
    Instant created_at{};
    std::optional<Instant> established_at{};
    std::optional<Instant> rekey_at{};
    std::optional<Instant> reauth_at{};
    std::optional<Duration> handshake{};  // from the first message to established
    std::vector<ChildSaStatus> children;
    std::vector<std::string> tasks_active;  // "IKE_AUTH"...
    std::vector<std::string> tasks_queued;
    std::vector<std::string> tasks_passive;  // of exchanges of the peer that are not at their end
};

struct Failure {
    Instant at{};
    std::string connection;  // empty: none matched
    std::string child;
    Endpoint remote;
    std::string exchange;  // "IKE_SA_INIT"...
    bool we_refused = false;
    Error error;
};

// strongSwan's 21 (VICI get-counters), by their names: "ike-init-in-req"...
using Counters = std::map<std::string, std::uint64_t>;

}  // namespace culvert::ike
