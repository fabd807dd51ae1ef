#pragma once
// What an IKE SA is, whichever exchange goes on: names, ends, keys, children. The exchanges read
// it, and change what their result is.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crypto/ike_cipher.hpp"
#include "crypto/prf.hpp"
#include "ike/auth/key_material.hpp"
#include "ike/engine.hpp"
#include "ike/status.hpp"
#include "ike/v2/connection_lookup.hpp"
#include "ike/v2/effort_budget.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/nat_detection.hpp"
#include "ike/v2/selectors.hpp"
#include "ike/wire/spi.hpp"

namespace culvert::ike::v2 {

struct Child {
    ChildSaId id{};
    ReqId reqid{};
    ChildRef config;
    ChildState state = ChildState::installed;
    IpsecMode mode{};
    IpsecSuite suite;
    crypto::KeMethod ke = crypto::KeMethod::none;
    AdditionalKes additional{};
    EspSpi inbound_spi{};
    EspSpi outbound_spi{};
    bool udp_encap = false;
    std::optional<std::uint16_t> resource{};  // of several alike; by our own count (RFC 9611)
    bool sending = true;                      // false after StopSending
    // Another one has taken over. Unlike the state it stays when this one is being deleted.
    bool replaced = false;
    ChildSaId replaced_by{};  // the one that the peer made; zero: none
    bool successor = false;   // was made to replace another one
    TrafficSelectors local_ts;
    TrafficSelectors remote_ts;
    Instant installed_at{};
    std::optional<Instant> rekey_at{};
    std::optional<Instant> expires_at{};

    // Ours to rekey or to close: neither replaced nor on its way out.
    bool live() const { return state == ChildState::installed || state == ChildState::rekeying; }
};

// The TCP stream that an IKE SA uses (RFC 9329).
enum class StreamState : std::uint8_t {
    broken,   // or could not be opened: the one who began opens another
    opening,  // what is to be sent waits
    open,
};

struct SaCore {
    std::uint32_t unique_id = 0;
    ConnectionRef connection;
    bool original_initiator = false;
    // Of the first in the series of rekeyed IKE SAs: who moves (RFC 4555 2.1) and reauthenticates.
    bool began_first = false;
    IkeSpi local_spi{};
    IkeSpi remote_spi{};
    Endpoint local;
    Endpoint remote;
    // As the last event of this IKE SA had them: the next one tells from where it went.
    Endpoint told_local;
    Endpoint told_remote;
    bool nat_t_port = false;  // speaks on the NAT-T port, with the marker
    StreamId stream{};        // zero: UDP. The last one, also when it is broken
    StreamState stream_state = StreamState::broken;
    bool peer_takes_fragments = false;  // RFC 7383
    bool peer_takes_redirects = false;  // RFC 5685, of a client
    NatSituation nat;
    std::optional<ChosenIkeSuite> suite;
    std::optional<crypto::IkeCipher> inbound;
    std::optional<crypto::IkeCipher> outbound;
    Secret sk_d;
    Bytes crash_token;  // the peer's (RFC 6290); empty: none
    Identity local_id;
    Identity remote_id;
    // What EAP has proved of the initiator, where that is another name; else %any.
    Identity remote_eap_id;
    Instant created_at{};
    std::optional<Instant> established_at;
    std::optional<Instant> rekey_at;
    std::optional<Instant> reauth_at;
    // The peer's proof is good so long, however often the IKE SA is rekeyed.
    std::optional<Instant> authenticated_until;
    std::optional<Instant> expires_at;
    std::optional<seconds> auth_lifetime;  // how long the peer lets us go without (RFC 4478)
    std::vector<Child> children;
    EffortBudget effort;  // what the peer may have us compute; goes on with a rekeyed IKE SA

    // RFC 4555.
    struct Mobike {
        bool on = false;                                     // both ends take part
        std::vector<IpAddress> peer_addresses;               // besides the one in use
        std::vector<IpAddress> told;                         // ours, as the peer knows them
        std::vector<std::pair<IpAddress, IpAddress>> tried;  // local, remote: since the last answer
        bool unproved = false;              // the children follow when the path has answered
        Bytes seen_as;                      // the peer's hash of our address and port
        std::optional<Endpoint> last_from;  // where the peer's last message came from
        // The last path that has answered, while one that the peer named has still to.
        struct Path {
            Endpoint local;
            Endpoint remote;
            bool nat_t_port = false;
            NatSituation nat;
        };
        std::optional<Path> proved;
    };
    Mobike mobike;

    // The ticket that we gave the client (RFC 5723), which ends with the IKE SA.
    struct GivenTicket {
        std::uint64_t id = 0;
        Instant expires{};
    };
    std::optional<GivenTicket> ticket;
    std::uint64_t ticket_kept = 0;  // and the one that we were given, in our wallet; 0: none

    // Virtual addresses (RFC 7296 2.19). They go to the successor with the children.
    struct Lease {
        std::string pool;
        IpAddress address;
        IpAddress holder;  // where the book has the peer
    };
    std::vector<Lease> leases;           // given by us
    std::vector<IpAddress> local_vips;   // given to us
    NameServers name_servers;            // in use by the host
    std::vector<IpAddress> vips_before;  // what we had before a reauthentication
    bool awaits_vips = false;            // asked for, not answered yet

    IkeSpi initiator_spi() const { return original_initiator ? local_spi : remote_spi; }
    IkeSpi responder_spi() const { return original_initiator ? remote_spi : local_spi; }
    crypto::Prf prf() const { return crypto::Prf{suite->prf}; }
    Ends ends() const;
    const std::string& name() const { return connection->name; }
    bool on_tcp() const { return stream != StreamId{}; }
    // The peer's message came by this stream, or by UDP.
    void came_by(StreamId by) {
        stream = by;
        stream_state = on_tcp() ? StreamState::open : StreamState::broken;
    }
    // Its ESP goes in UDP or TCP.
    bool encapsulates() const { return on_tcp() || nat.esp_in_udp(); }
    // Who the peer is for all that goes by peer: addresses, how many IKE SAs it may have.
    const Identity& peer() const {
        return remote_eap_id.type == IdType::any ? remote_id : remote_eap_id;
    }

    Child* find_child(ChildSaId id);
    Child* find_inbound(IpsecProtocol protocol, EspSpi spi);
    Child* find_outbound(IpsecProtocol protocol, EspSpi spi);
    // A live one of this configured child.
    Child* find_live(std::string_view child_name);

    // Ciphers and SK_d from the keys of an exchange.
    void use_keys(const ChosenIkeSuite& chosen, const IkeKeys& keys);
};

}  // namespace culvert::ike::v2
