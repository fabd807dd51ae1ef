#pragma once
// What the engine is told to do: connections, their children, the secrets. Made by config/ from
// swanctl.conf, or by a test. Immutable once handed over; an SA keeps the snapshot that made it.
// Defaults are strongSwan's.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.hpp"
#include "base/secret.hpp"
#include "crypto/private_key.hpp"
#include "crypto/public_key.hpp"
#include "ike/auth/identity.hpp"
#include "ike/credentials.hpp"
#include "ike/eap/type.hpp"
#include "ike/proposal/proposal.hpp"
#include "ipsec_types/child_sa.hpp"
#include "ipsec_types/traffic_selector.hpp"

namespace culvert::ike {

using std::chrono::seconds;

enum class StartAction : std::uint8_t { none, trap, start };
enum class ChildMode : std::uint8_t { tunnel, transport, pass, drop };
enum class Unique : std::uint8_t { no, never, keep, replace };

// A traffic selector as configured: "dynamic" stands for the IKE endpoint (or virtual address) of
// that side.
struct SelectorConfig {
    bool dynamic = false;
    TrafficSelector selector;  // with `dynamic` only protocol and ports count
};

// Fragments of IKE messages (RFC 7383): whether they are announced and sent, announced alone, or
// neither.
enum class Fragmentation : std::uint8_t { no, accept, yes };

// IKE and ESP in TCP (RFC 9329) where we begin: never, when UDP gets no answer, or always.
enum class TcpUse : std::uint8_t { no, fallback, yes };

// When clients are redirected (RFC 5685): in the answer to IKE_SA_INIT, or once we know who they
// are.
enum class RedirectWhen : std::uint8_t { init, auth };

// RFC 6023.
enum class Childless : std::uint8_t { allow, prefer, force, never };

struct ChildConfig {
    std::string name;
    ChildMode mode = ChildMode::tunnel;
    Proposals proposals;  // protocol esp or ah
    std::vector<SelectorConfig> local_ts;
    std::vector<SelectorConfig> remote_ts;
    StartAction start_action = StartAction::none;
    bool start_also_traps = false;  // "trap|start"
    StartAction dpd_action = StartAction::none;
    StartAction close_action = StartAction::none;
    seconds rekey_time{3600};
    seconds life_time{3960};
    seconds rand_time{360};
    std::uint64_t rekey_bytes = 0;
    std::uint64_t life_bytes = 0;
    std::uint64_t rand_bytes = 0;
    std::uint64_t rekey_packets = 0;
    std::uint64_t life_packets = 0;
    std::uint64_t rand_packets = 0;
    std::uint32_t replay_window = 1024;
    std::uint32_t priority = 0;
    std::uint32_t reqid = 0;  // 0: we choose
    bool install_policies = true;
    HeaderRules header_rules;
    // ChildSa::tfc_padding.
    std::optional<std::uint16_t> tfc_padding{};
    seconds inactivity{0};
    // The shell's business: a program with its arguments that is told of up and down, and what it
    // is told about access to this host.
    std::string updown;
    bool hostaccess = false;
    bool keep_up = false;  // the shell's business as well: begun whenever it does not stand
    // HMAC_SHA2_256_128 with an ICV of 96 bits, as some old kernels had it.
    bool sha256_96 = false;
    // A Child SA for each of EngineSettings::resources, if the peer has it so as well (RFC 9611).
    bool per_cpu_sas = false;
};

// null: nothing is proved but that it is one and the same peer all along (RFC 7619).
// eap: the initiator by an EAP method (RFC 7296 2.16); on both sides for EAP alone (RFC 5998).
enum class AuthMethodKind : std::uint8_t { psk, pubkey, null, eap };

struct AuthConfig {
    AuthMethodKind method = AuthMethodKind::psk;
    Identity id;  // local: %any means the IKE endpoint's address; remote: a pattern
    // Local, pubkey: what we sign with, and the certificates (DER, our own first) that go with it;
    // none for a peer that knows the key itself.
    std::shared_ptr<const crypto::PrivateKey> key{};
    std::vector<Bytes> certs{};
    // Local: certificates that the connection names, and what bind() (own_certificates.hpp) makes
    // of them. With `usable` neither `key` nor `certs` counts.
    std::vector<x509::Certificate> own{};
    std::vector<OwnCertificate> usable{};
    std::vector<std::string> own_handles{};  // of certificates on tokens (hex), which join `own`
    // Remote, pubkey: the keys that the peer may sign with (local: that we may).
    std::vector<crypto::PublicKey> pubkeys{};
    // Remote: the certificates that count, if there are any; the authorities that count instead of
    // all that are trusted; what some authority in the chain must be.
    std::vector<x509::Certificate> pinned{};
    std::vector<x509::Certificate> cacerts{};
    Identity ca_id{};
    std::vector<std::string> policies{};  // OIDs, each of which the chain must have
    x509::RevocationPolicy revocation = x509::RevocationPolicy::relaxed;
    SignatureRules chain_rules{};  // of the keys and signatures of certificates
    SignatureRules auth_rules{};   // of AUTH; local: what we may sign with
    // eap. Of the initiator's side: the methods, those that are liked best first.
    std::vector<eap::Type> eap_methods{};
    // Local: our user; %any: the id. Remote: a pattern that the user must fit; the peer is asked
    // for it if it is configured.
    Identity eap_id{};
    Identity aaa_id{};  // local: who the server is in EAP-TLS; %any: the peer's identity
    bool asks_eap_id = false;
};

// An entry of local_addrs or remote_addrs. Names are resolved by the daemon before the engine sees
// them.
struct AddressPattern {
    std::string text;  // as configured, for messages
    bool any = false;  // %any
    std::vector<IpRange>
        ranges;  // what it stands for now; empty and not any: a name that does not resolve (yet)
};

// Retransmission of requests: the n-th waits timeout * base^n (strongSwan's retransmit_*).
struct RetransmitConfig {
    std::chrono::milliseconds timeout{4000};
    double base = 1.8;
    unsigned tries = 5;
    std::chrono::milliseconds limit{0};  // longest single wait; 0: none
    unsigned jitter_percent = 0;         // by up to so much shorter, by chance

    friend bool operator==(const RetransmitConfig&, const RetransmitConfig&) = default;
};

constexpr std::uint16_t ike_port = 500;
constexpr std::uint16_t nat_t_port = 4500;  // RFC 7296 2.23

struct Connection {
    std::string name;
    int version = 0;  // 0: initiate v2, answer both
    std::vector<AddressPattern> local_addrs;
    std::vector<AddressPattern> remote_addrs;
    std::uint16_t local_port = ike_port;
    std::uint16_t remote_port = 500;
    Proposals proposals;
    std::optional<bool> encap;  // ESP in UDP always, or only for a NAT; none: or when faster
    std::uint8_t dscp = 0;      // of IKE packets that we send
    bool mobike = true;
    TcpUse tcp = TcpUse::no;
    std::uint16_t tcp_port = 4500;        // the peer's
    bool resumption = false;              // tickets (RFC 5723): we ask for them, and give them
    std::optional<Identity> redirect_to;  // clients, once they are authenticated (RFC 5685 6)
    Childless childless = Childless::allow;
    Fragmentation fragmentation = Fragmentation::yes;
    Identity ppk_id;            // of the post-quantum secret to mix in (RFC 8784); %any: none
    bool ppk_required = false;  // no IKE SA without one
    // Virtual addresses to ask for; 0.0.0.0 and :: are "any" of that family.
    std::vector<IpAddress> vips;
    // Names of Config::pools that give virtual addresses to the peer, tried in this order.
    std::vector<std::string> pools;
    seconds dpd_delay{0};
    bool send_certreq = true;
    SendCertificate send_cert = SendCertificate::if_asked;
    OcspInBand ocsp = OcspInBand::reply;
    unsigned keyingtries = 1;  // 0: for ever
    Unique unique = Unique::no;
    seconds rekey_time{14400};
    seconds reauth_time{0};
    seconds over_time{1440};
    seconds rand_time{1440};
    AuthConfig local;
    AuthConfig remote;
    // Further authentication rounds (RFC 4739), in their order.
    std::vector<AuthConfig> local_more;
    std::vector<AuthConfig> remote_more;
    std::vector<ChildConfig> children;
};

// A configuration attribute as it goes into the reply (RFC 7296 3.15.1).
struct PoolAttribute {
    std::uint16_t type = 0;
    Bytes value;

    friend bool operator==(const PoolAttribute&, const PoolAttribute&) = default;
};

// Virtual addresses for peers, of one family, and what else they are told (swanctl's
// pools.<name>).
struct Pool {
    std::string name;
    IpRange addresses;  // all of them are given out; who leaves out network and broadcast
                        // addresses is the maker of this
    std::vector<PoolAttribute> attributes;

    friend bool operator==(const Pool&, const Pool&) = default;
};

// nt_hash: no password, but its MD4, which is as good for EAP-MSCHAPv2.
enum class SecretKind : std::uint8_t { psk, ppk, eap, nt_hash };

struct SharedSecret {
    std::string name;  // the section, for messages: "ike-moon"
    SecretKind kind = SecretKind::psk;
    std::vector<Identity> owners;  // empty: anybody
    Secret secret;
};

// Bounds on what strangers may cost, and the daemon-wide settings of strongswan.conf that the
// engine needs.
struct EngineSettings {
    RetransmitConfig retransmit;
    unsigned cookie_threshold =
        30;  // half-open IKE SAs in all before cookies are asked for; 0: never
    unsigned cookie_threshold_per_ip = 3;
    unsigned block_threshold_per_ip =
        5;                          // half-open IKE SAs from one /32 or /64 before it is ignored
    unsigned half_open_max = 4096;  // in all
    unsigned ike_sas_max = 0;       // of all kinds, beyond which no stranger's begins; 0: no limit
    seconds half_open_timeout{30};
    seconds keep_alive{20};  // NAT keep-alives; 0: off
    std::uint16_t port = 500;
    std::uint16_t port_nat_t = 4500;
    bool follow_redirects = false;        // to other gateways (RFC 5685)
    std::optional<Identity> redirect_to;  // new clients that can be redirected (RFC 5685)
    RedirectWhen redirect_when = RedirectWhen::init;
    bool hash_and_url = false;  // certificates by hash and URL, both ways (RFC 7296 3.6)
    // ESP in UDP is the faster one in our plane: wanted with every peer that says the same.
    bool prefers_udp = true;
    // What may have a Child SA of its own each (RFC 9611): the plane's workers.
    unsigned resources = 1;
    bool make_before_break = true;  // of reauthentication; false: the old IKE SA ends first
    bool close_ike_on_child_failure = false;  // when IKE_AUTH brings no Child SA, on either side
    bool initiator_only = false;              // IKE_SA_INIT of others is not answered
    // Longest IP packet of a fragmented message, headers included (RFC 7383 2.5.1).
    std::uint16_t fragment_size = 1280;

    friend bool operator==(const EngineSettings&, const EngineSettings&) = default;
};

struct Config {
    std::vector<Connection> connections;
    std::vector<SharedSecret> secrets;
    std::vector<SharedSecret> ppks;       // post-quantum secrets; found by the octets of an owner
    std::vector<SharedSecret> passwords;  // of kinds eap and nt_hash
    std::vector<Pool> pools;
    std::shared_ptr<const CredentialSet> credentials;  // may be null: none
    EngineSettings settings;
};

// Where secrets of this kind are.
inline std::vector<SharedSecret>& list_of(Config& config, SecretKind kind) {
    switch (kind) {
        case SecretKind::psk: return config.secrets;
        case SecretKind::ppk: return config.ppks;
        case SecretKind::eap:
        case SecretKind::nt_hash: break;
    }
    return config.passwords;
}

using ConfigSnapshot = std::shared_ptr<const Config>;

}  // namespace culvert::ike
