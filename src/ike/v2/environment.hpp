#pragma once
// What the exchanges need of the engine: its tables and counts (EngineState, for as long as the
// engine lives) and one call's time and actions (Environment).

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ike/engine.hpp"
#include "ike/v2/command_ledger.hpp"
#include "ike/v2/counters.hpp"
#include "ike/v2/deadlines.hpp"
#include "ike/v2/failure_history.hpp"
#include "ike/v2/half_open_guard.hpp"
#include "ike/v2/known_chains.hpp"
#include "ike/v2/limits.hpp"
#include "ike/v2/numbering.hpp"
#include "ike/v2/promised_spis.hpp"
#include "ike/v2/redirect.hpp"
#include "ike/v2/restarts.hpp"
#include "ike/v2/revocation.hpp"
#include "ike/v2/sa_core.hpp"
#include "ike/v2/sa_index.hpp"
#include "ike/v2/stream_book.hpp"
#include "ike/v2/tickets.hpp"

namespace culvert::ike::v2 {

class IkeSa;

struct EngineState {
    EngineState(ConfigSnapshot snapshot, Random& source, Share whose = {});
    ~EngineState();
    EngineState(const EngineState&) = delete;
    EngineState& operator=(const EngineState&) = delete;
    EngineState(EngineState&&) = delete;
    EngineState& operator=(EngineState&&) = delete;

    ReqId reqid_of(const std::string& connection, const std::string& child);
    void know_reqid(const std::string& connection, const std::string& child, ReqId reqid);

    ConfigSnapshot config;
    Random& random;
    Share share;
    Numbering numbering{share};
    std::shared_ptr<Neighbours> neighbours;  // null: there are none
    SourceFor source_for;
    Calendar calendar;
    RevocationBook revocation;
    KnownChains chains;
    std::vector<IpAddress> host_addresses;  // empty: not known
    Secret crash_secret;                    // empty: we make no tokens (RFC 6290)

    std::unordered_map<IkeSpi, std::unique_ptr<IkeSa>> sas;  // by our SPI
    // Where the peer began: its SPI -> ours. A second IKE_SA_INIT of that SPI makes nothing new.
    std::unordered_map<IkeSpi, IkeSpi> by_initiator_spi;
    StreamBook streams;
    SaIndex index;  // ask the Environment for it: what was touched may have to be filed anew
    // Begun to take another's place, and up for no more than reauthenticated_linger.
    std::vector<IkeSpi> reauthenticating;
    std::unordered_map<ChildSaId, IkeSpi> child_owner;
    std::unordered_set<EspSpi> esp_spis;
    std::vector<IkeSpi> touched;  // to be swept and rescheduled after this call
    Deadlines deadlines;
    PromisedSpis promised;
    bool ending = false;  // the gateway is: nothing new begins

    HalfOpenGuard guard{share.count};
    RateLimit ignored_events{1};
    RateLimit refused_inits{refused_inits_per_second_max};
    RateLimit stray_answers{stray_answers_per_second_max};
    RateLimit stray_events{stray_events_per_second_max};
    CommandLedger commands;
    CounterSet counters;
    std::map<std::string, CounterSet> counters_by_connection;
    FailureHistory failures;
    RestartBook restarts;
    RedirectBook redirects;
    TicketOffice ticket_office;                                       // as gateway
    TicketWallet tickets;                                             // as client
    std::map<IpAddress, std::pair<Instant, std::string>> send_hints;  // what the network said

    std::shared_ptr<Leases> lease_source;
    Leases& leases() { return *lease_source; }
    std::map<IpAddress, unsigned> virtual_addresses;  // ours, and how many IKE SAs have each

    std::uint32_t last_ike_unique = 0;
    std::uint32_t last_child_id = 0;
    std::uint32_t last_reqid = 0;
    std::uint64_t last_stream = 0;
    std::map<std::pair<std::string, std::string>, ReqId> reqids;
    std::map<ReqId, std::pair<std::string, std::string>> names_of_reqid;
};

struct Environment {
    EngineState& state;
    Instant now;
    Actions& actions;

    Random& random() const { return state.random; }
    const EngineSettings& settings() const { return state.config->settings; }

    void touch(IkeSpi local_spi) const {
        if (!state.touched.empty() && state.touched.back() == local_spi) { return; }
        state.touched.push_back(local_spi);
    }
    IkeSa& add(std::unique_ptr<IkeSa> sa) const;
    IkeSa* find(IkeSpi local_spi) const;
    // In this engine or another one of this gateway.
    bool is_here(IkeSpi local_spi) const;
    const SaIndex& index() const;
    // The oldest first.
    std::vector<IkeSa*> with_identities(const Identity& local, const Identity& remote) const;

    IkeSpi new_ike_spi() const;
    // For a rekey: the peer may use it before we know.
    IkeSpi promise_ike_spi() const;
    // Planes give packets to their workers by the low bits: a Child SA that follows another by
    // rekeying keeps those of its SPI, so that what arrives stays in order.
    EspSpi new_esp_spi(std::optional<EspSpi> follows) const;
    // One whose packets arrive at this resource: the plane goes by the lowest octet.
    EspSpi new_esp_spi_of(unsigned resource) const;
    // How many Child SAs of one kind a peer may have; it may have more processors than we.
    std::size_t resources_max() const;
    void release(EspSpi spi) const { state.esp_spis.erase(spi); }
    StreamId new_stream_id() const {
        return StreamId{opened_streams_from + state.numbering.id(++state.last_stream)};
    }
    ChildSaId new_child_id() const { return ChildSaId{state.numbering.id(++state.last_child_id)}; }
    std::uint32_t new_ike_unique() const { return state.numbering.id(++state.last_ike_unique); }
    // now + time - up to `spread` by chance; nothing when time is 0.
    std::optional<Instant> at_about(seconds time, seconds spread) const;
    // Soft and hard end of an IKE SA that begins now. A reauthentication that is set stays: a rekey
    // is none.
    void set_lifetimes(SaCore& sa) const;
    // When it has to be reauthenticated, as the configuration or the peer wants it, and ends if
    // not.
    void set_reauthentication(SaCore& sa) const;
    std::uint64_t about(std::uint64_t value, std::uint64_t spread) const;

    void emit(Action action) const { actions.push_back(std::move(action)); }
    void event(const SaCore& sa, EventKind kind, Severity severity, std::string text) const;
    void event(const SaCore& sa, const Child& child, EventKind kind, Severity severity,
               std::string text) const;
    void rekeyed_event(const SaCore& sa, IkeSaStatus old, std::string text) const;
    // Its endpoints are others than those last told, or ESP goes another way between them.
    void updated_event(SaCore& sa, std::string text) const;
    // A note that VICI's alert event has a name for.
    void alert(const SaCore& sa, std::string_view type, Severity severity, std::string text) const;
    // Of what comes from anybody: rate-limited, and in no history.
    void stranger_alert(const Endpoint& remote, std::string_view type, std::string text) const;
    void exchange_event(const SaCore& sa, std::string text) const;
    // An Event and an entry of the failure history.
    void failure(const SaCore& sa, std::string_view child, std::string_view exchange,
                 bool we_refused, const Error& error, std::string_view alert = {}) const;
    // The same for a stranger; rate-limited.
    void stranger_failure(std::string_view connection, const Endpoint& remote,
                          std::string_view exchange, const Error& error) const;
    // For the daemon as a whole, and for the SA's connection.
    void count(const SaCore& sa, Counter counter) const;
    void count_message(const SaCore& sa, wire::ExchangeType exchange, bool outbound,
                       bool response) const;

    // What the network said lately about this peer; empty if nothing.
    std::string send_hint(const IpAddress& remote) const;
    void hint(const IpAddress& remote, std::string said) const;

    void command_done(CommandId id, Status status) const {
        state.commands.part_done(id, std::move(status), actions);
    }
};

}  // namespace culvert::ike::v2
