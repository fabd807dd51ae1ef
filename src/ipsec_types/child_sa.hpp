#pragma once
// What the key exchange tells the packet side about a pair of SAs. The only words the two share.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/ip.hpp"
#include "base/secret.hpp"
#include "crypto/algorithms.hpp"
#include "ipsec_types/spi.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert {

// IKEv2 protocol ids (RFC 7296 3.3.1).
enum class IpsecProtocol : std::uint8_t { ah = 2, esp = 3 };
enum class IpsecMode : std::uint8_t { tunnel, transport };

struct IpsecSuite {
    IpsecProtocol protocol = IpsecProtocol::esp;
    crypto::EncryptionAlgorithm encryption = crypto::EncryptionAlgorithm::none;  // none with AH
    std::uint16_t key_bits = 0;  // of the cipher; 0 where the algorithm fixes it
    crypto::IntegrityAlgorithm integrity = crypto::IntegrityAlgorithm::none;  // none with an AEAD
    bool esn = false;

    friend bool operator==(const IpsecSuite&, const IpsecSuite&) = default;
};

// Keying material of one direction, cut from KEYMAT as RFC 7296 2.17 says. `encryption` ends with
// the salt for ciphers that have one (RFC 4106 8.1, RFC 7634 2).
struct IpsecKeys {
    Secret encryption;
    Secret integrity;
};

// 0 is "no limit".
struct IpsecLifetime {
    std::chrono::seconds soft_time{0};
    std::chrono::seconds hard_time{0};
    std::uint64_t soft_bytes = 0;
    std::uint64_t hard_bytes = 0;
    std::uint64_t soft_packets = 0;
    std::uint64_t hard_packets = 0;
    std::chrono::seconds inactivity{0};  // in neither direction
};

enum class DscpCopy : std::uint8_t { none, out, in, both };

// DF of an outer IPv4 header (RFC 4301 8.1).
enum class DfRule : std::uint8_t { copy, set, clear };

// How header fields are treated between inner and outer in tunnel mode (RFC 4301 5.1.2); swanctl's
// copy_df, copy_ecn, copy_dscp, and our culvert_outer_df and culvert_outer_dscp.
struct HeaderRules {
    DfRule df = DfRule::copy;
    bool copy_ecn = true;
    DscpCopy copy_dscp = DscpCopy::out;
    // Of what leaves, whatever the inner packet has; 6 bits.
    std::optional<std::uint8_t> dscp{};

    friend bool operator==(const HeaderRules&, const HeaderRules&) = default;
};

// A pair of SAs, as negotiated. Both directions are installed and removed together, except that a
// rekeyed pair may stop sending first (Plane::stop_sending).
struct ChildSa {
    ChildSaId id{};
    ReqId reqid{};
    std::string connection;  // connections.<this>
    std::string name;        // children.<this>

    IpsecSuite suite;
    IpsecMode mode = IpsecMode::tunnel;
    bool local_is_initiator = false;  // of the exchange that made it; for logs and key export

    // Outer addresses. The ports matter only with udp_encap: then ESP travels in UDP between them
    // (RFC 3948).
    Endpoint local;
    Endpoint remote;
    bool udp_encap = false;
    // Not zero: ESP travels in this TCP stream (RFC 9329); udp_encap is true then, too, as the
    // packets are the same.
    StreamId stream{};

    EspSpi inbound_spi{};   // ours, in packets that arrive
    EspSpi outbound_spi{};  // the peer's, in packets that leave
    IpsecKeys inbound;
    IpsecKeys outbound;

    // What the inner packets may be, seen from here. With transport mode behind a NAT these are the
    // addresses as we see them.
    TrafficSelectors local_ts;
    TrafficSelectors remote_ts;

    std::uint32_t replay_window = 1024;  // packets; 0 turns anti-replay off
    IpsecLifetime lifetime;
    HeaderRules header_rules;
    std::uint32_t priority = 0;  // of the policies; 0: computed from the selectors, narrower first
    bool install_policies = true;
    // The configuration protects some protocols or ports only: what else goes between these
    // addresses is left alone. Without it what no policy names is discarded (RFC 4301 5.1).
    bool leaves_rest = false;
    // The peer rekeyed and may not have its half yet: packets leave through the older SAs of the
    // reqid for as long as one of them sends (RFC 7296 2.8).
    bool behind_older = false;
    // Of several alike the one for this worker (RFC 9611); packets of any may arrive on it.
    std::optional<std::uint16_t> resource{};
    std::optional<std::uint16_t>
        tfc_padding{};  // pad inner packets to this many octets; 0xffff: to the path MTU

    // RFC 7296 2.23.1: the peer's and our original addresses, for the checksum repair of transport
    // mode through NAT.
    std::optional<IpAddress> nat_original_local{};
    std::optional<IpAddress> nat_original_remote{};
};

}  // namespace culvert
