#pragma once
// The key exchange as a value: datagrams, commands, time in; actions out. No sockets, threads,
// files, clock. One engine is owned by one thread. See docs/architecture.md, "An IKE message".

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/instant.hpp"
#include "base/random.hpp"
#include "ike/connection.hpp"
#include "ike/leases.hpp"
#include "ike/neighbours.hpp"
#include "ike/status.hpp"
#include "ipsec_types/child_sa.hpp"
#include "ipsec_types/policy.hpp"

namespace culvert::ike {

// ---- inputs

struct Datagram {
    Endpoint local;
    Endpoint remote;
    bool non_esp_marker =
        false;  // travelled on the NAT-T socket; the marker itself is not in `bytes`
    Bytes bytes;
    std::uint8_t dscp = 0;  // to send it with
    // The TCP stream by which it came, or is to leave (RFC 9329); zero: UDP.
    StreamId stream{};
};

// The shell's name for a running command; CommandDone carries it back.
using CommandId = Strong<struct CommandIdTag, std::uint64_t>;

// Brings up connections.<connection>.children.<child>; reuses an established IKE SA. An empty
// child: the IKE SA alone. An empty connection: whichever has that child.
struct Initiate {
    CommandId id{};
    std::string connection;
    std::string child;
};
// Every filter that is set must match. Closes Child SAs if a child filter is set, else IKE SAs with
// all they have.
struct Terminate {
    CommandId id{};
    std::string ike;
    std::string child;
    std::optional<std::uint32_t> ike_id{};  // unique ids, as list-sas shows
    std::optional<std::uint32_t> child_id{};
    bool force = false;  // do not wait for the peer's answer
};
struct Rekey {
    CommandId id{};
    std::string ike;
    std::string child;
    std::optional<std::uint32_t> ike_id{};
    std::optional<std::uint32_t> child_id{};
    bool reauth = false;
};
// Tells the clients of matching IKE SAs to go to another gateway (RFC 5685 5). Every filter that is
// set must match.
struct Redirect {
    CommandId id{};
    std::string ike;
    std::optional<std::uint32_t> ike_id{};
    std::optional<IpRange> peer_address{};
    Identity peer_id{};  // a pattern; %any: all
    Identity gateway{};  // an address or a name (FQDN)
};
// From the plane: a packet matched a trap.
struct Acquire {
    ReqId reqid{};
    TrafficSelector local;
    TrafficSelector remote;
};
struct Expire {
    ChildSaId id{};
    bool hard = false;
    bool idle = false;  // no packet for as long as its lifetime.inactivity says; may come again
};
struct MappingChanged {
    ChildSaId id{};
    Endpoint remote;
};
// An authenticated packet came in on this SA at `at`: proof of life (RFC 7296 2.4).
struct InboundSeen {
    ChildSaId id{};
    Instant at{};
};
// The plane could not install what InstallChild asked for.
struct InstallFailed {
    ChildSaId id{};
    Error why;
};
// The network refused a datagram to this peer (ICMP unreachable, no route). A hint only, never
// proof (RFC 7296 2.4).
struct SendFailed {
    Endpoint remote;
    Error why;
};
// What OpenStream asked for is there; `local` is the end that it got. What is sent from now on
// leaves.
struct StreamOpened {
    StreamId id{};
    Endpoint local;
};
// A stream that was opened or accepted is no more, or could not be opened. Not told of those that
// CloseStream named.
struct StreamBroken {
    StreamId id{};
    Endpoint remote;
    Error why;
    bool refused = false;  // our side ended it, as it broke a rule or a limit
};
// Addresses of this host that peers may reach it by, and perhaps routes, are others now (and once
// at the start). For MOBIKE (RFC 4555).
struct AddressesChanged {
    std::vector<IpAddress> addresses;
};
// The answer to FetchRevocation: what was fetched, or why not. Comes once for each, soon.
struct RevocationFetched {
    std::uint64_t id = 0;
    Result<Bytes> body;
};
// The answer to ResolveGateway: its addresses, or `why` there are none. Comes once for each.
struct GatewayResolved {
    std::uint64_t id = 0;
    std::vector<IpAddress> addresses;
    std::string why;
};
// What TellNeighbours says, to every other engine: a peer has authenticated there.
struct PeerElsewhere {
    PeerOf peer;
    std::uint32_t ike_unique_id = 0;
    Endpoint remote;
    Instant began{};
    bool initial_contact = false;  // it says that it has no other IKE SA
    Unique unique{};               // of its connection there
};
// The gateway is about to end: no IKE SA begins any more, from here or from peers, and none comes
// again.
struct Ending {};
using Input =
    std::variant<Datagram, Initiate, Terminate, Rekey, Redirect, Acquire, Expire, MappingChanged,
                 InboundSeen, InstallFailed, SendFailed, StreamOpened, StreamBroken,
                 AddressesChanged, RevocationFetched, GatewayResolved, PeerElsewhere, Ending>;

// ---- actions, to be carried out in order

struct Transmit {
    Datagram datagram;
};
// One octet 0xff from the NAT-T socket (RFC 3948 2.3).
struct SendKeepAlive {
    Endpoint local;
    Endpoint remote;
};
struct InstallChild {
    ChildSa sa;
};
struct StopSending {
    ChildSaId id{};
};
struct RemoveChild {
    ChildSaId id{};
    // Another SA took over: what the peer sent before it knew may still be under way.
    bool replaced = false;
};
struct UpdateEndpoints {
    ChildSaId id{};
    Endpoint local;
    Endpoint remote;
    bool udp_encap = false;
    StreamId stream{};  // ChildSa::stream
};
// A TCP connection to be opened (RFC 9329), from any port of `local`; StreamOpened or StreamBroken
// follows.
struct OpenStream {
    StreamId id{};
    Endpoint local;
    Endpoint remote;
};
// An authenticated peer uses this accepted stream: it stays for as long as it likes.
struct KeepStream {
    StreamId id{};
};
// No IKE SA uses it any more. What was sent to it before still leaves, if the peer takes it.
struct CloseStream {
    StreamId id{};
};
// dpd_action or close_action = trap: from now on the child's policy waits for packets, whatever its
// start_action was.
struct InstallTrap {
    std::string connection;
    std::string child;
};
// A virtual address that a peer gave us (RFC 7296 2.19): onto the TUN, before the Child SAs that
// use it; and off again, after them.
struct InstallVirtualAddress {
    std::string connection;
    IpAddress address;
};
struct RemoveVirtualAddress {
    std::string connection;
    IpAddress address;
};
// Name servers that a peer told us, for the host's resolver; with `domains` for those only (RFC
// 8598). The same value takes them away again.
struct NameServers {
    std::string connection;
    std::vector<IpAddress> servers;
    std::vector<std::string> domains;

    friend bool operator==(const NameServers&, const NameServers&) = default;
};
struct UseNameServers {
    NameServers what;
};
struct ForgetNameServers {
    NameServers what;
};
// The standing of a peer's certificate is asked of whom it names, or the certificate itself is
// fetched; IKE_AUTH waits for the answer.
struct FetchRevocation {
    enum class Kind : std::uint8_t { crl, ocsp, certificate };

    std::uint64_t id = 0;
    Kind kind{};
    std::string url;  // http or https
    // ocsp: to be posted; certificate: the SHA-1 that it is to have; crl: the certificate (DER) of
    // the authority that is to have signed it.
    Bytes request;
};
// A gateway redirects us to another one by its name (RFC 5685).
struct ResolveGateway {
    std::uint64_t id = 0;
    std::string name;
};
// For the engines that serve this gateway besides; only where there are any.
struct TellNeighbours {
    PeerElsewhere what;
};
// What `culvert up` waits for. On success `matched` counts what the command was carried out on.
struct CommandDone {
    CommandId id{};
    Status status;
    unsigned matched = 0;
};
// Session keys, for a build with CULVERT_KEY_LOG only; made by the engine in such a build alone.
struct KeyLog {
    std::string line;  // in the form of tshark's ikev2_decryption_table
};

enum class EventKind : std::uint8_t {
    ike_state_changed,  // `text` says from -> to, because
    ike_up,
    ike_down,
    ike_rekeyed,
    ike_updated,
    child_state_changed,
    child_up,
    child_down,
    child_rekeyed,
    exchange,     // a message was sent or received: "IKE_AUTH request 1 [ IDi AUTH SA TSi TSr ]"
    refused,      // we refused what a peer sent; `error` explains
    was_refused,  // a peer refused; `error` explains what is known
    retransmit,
    peer_dead,
    note,
};
enum class Severity : std::uint8_t { error, warn, info, debug, trace };

// Logs, counters, `monitor` and VICI events all render this.
struct Event {
    EventKind kind = EventKind::note;
    Severity severity = Severity::info;
    std::string connection;  // empty when no connection is known (yet)
    std::string child;
    std::uint32_t ike_unique_id = 0;  // 0: none
    std::uint32_t child_unique_id = 0;
    std::optional<Endpoint> remote{};
    std::optional<CommandId>
        command{};  // the command that caused it: goes to that client as control-log
    std::optional<Error> error{};
    // What VICI's alert event calls this, if it has a name there: "ts-mismatch".
    std::string_view alert{};
    std::string text;  // one line for people, complete in itself
    // For up, down, rekeyed, updated: the SA as it is (was). Null for the others, so that they are
    // small.
    std::shared_ptr<const IkeSaStatus> ike{};
    std::shared_ptr<const IkeSaStatus> old_ike{};  // ike_rekeyed, ike_updated: as it was before
};

using Action =
    std::variant<Transmit, SendKeepAlive, OpenStream, KeepStream, CloseStream, InstallChild,
                 StopSending, RemoveChild, UpdateEndpoints, InstallVirtualAddress,
                 RemoveVirtualAddress, UseNameServers, ForgetNameServers, InstallTrap,
                 FetchRevocation, ResolveGateway, TellNeighbours, CommandDone, KeyLog, Event>;
using Actions = std::vector<Action>;

// The calendar at an instant, for the validity of certificates. Without one no certificate is
// taken.
using Calendar = std::function<x509::Time(Instant)>;

// Which of our addresses routing would send from; nothing when there is no route. Asked once for an
// IKE SA that we begin on a connection whose local_addrs do not name one address: NAT detection
// (RFC 7296 2.23) needs it before the first message.
using SourceFor = std::function<std::optional<IpAddress>(const IpAddress& remote)>;

// Which one of several engines that serve a gateway together (see ike/share.hpp). The count is a
// power of two, at most shares_max.
struct Share {
    unsigned index = 0;
    unsigned count = 1;
};
constexpr unsigned shares_max = 16;

class Engine {
 public:
    // `random` must outlive the engine.
    Engine(ConfigSnapshot config, Random& random, Share share = {});
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine();

    // From now on new SAs use `config`; running ones keep theirs. SAs of connections that are gone
    // are closed.
    Actions configure(ConfigSnapshot config, Instant now);

    Actions handle(Input input, Instant now);
    // The deadline was reached; woken early it does nothing.
    Actions tick(Instant now);
    std::optional<Instant> next_deadline() const;

    // Without it the first message leaves from the any-address, and the peer takes us for NATed.
    void use_source_lookup(SourceFor source_for);

    void use_calendar(Calendar calendar);

    // From now on FetchRevocation is answered. Without it the lists that are loaded must do.
    void use_fetches();
    // Forgets what was fetched (flush-certs).
    void forget_fetched();

    // Quick crash detection (RFC 6290): peers get tokens made with this secret, which a restart
    // must find again. Without it we make none; those of peers count all the same.
    void use_crash_secret(Secret secret);

    // Who has which virtual address; without it the engine keeps a book of its own.
    void use_leases(std::shared_ptr<Leases> leases);

    // With several engines: what all of them know of each other. Before the first input.
    void use_neighbours(std::shared_ptr<Neighbours> neighbours);

    // The engine's source of SPIs asks the shell nothing; the ReqId of a configured child is stable
    // by name.
    ReqId reqid_of(const std::string& connection, const std::string& child);
    // Of several engines one chooses the ReqIds, and the others are told.
    void know_reqid(const std::string& connection, const std::string& child, ReqId reqid);

    std::vector<IkeSaStatus> status(Instant now) const;
    // Whether an IKE SA of the connection is established, or a Child SA of this name installed.
    bool stands(std::string_view connection, std::string_view child) const;
    // The last failures by peer, newest first, at most 16 a peer (limits.hpp).
    std::vector<Failure> failures() const;
    // What the shell found out about a peer stands among them: ESP that does not come back.
    void keep(Failure failure);
    Counters counters() const;
    // The same for each connection that has had messages since it was configured. What comes before
    // a peer has said who it is counts for none.
    std::map<std::string, Counters> connection_counters() const;
    std::size_t half_open() const;

    // For tests: aborts when the engine contradicts itself.
    void check_invariants() const;

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace culvert::ike
