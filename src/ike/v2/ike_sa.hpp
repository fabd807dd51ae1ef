#pragma once
// An IKE SA (RFC 7296): its state, the windows of both directions, what it has to do, and the
// dispatch of messages to the exchanges.

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/boxed.hpp"
#include "ike/v2/auth.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/fragment_buffer.hpp"
#include "ike/v2/init.hpp"
#include "ike/v2/intermediate.hpp"
#include "ike/v2/request_window.hpp"
#include "ike/v2/sa_core.hpp"
#include "ike/v2/tasks.hpp"

namespace culvert::ike::v2 {

struct SentSize;

class IkeSa {
 public:
    // ---- beginnings
    struct Begin {
        ConnectionRef connection;
        Endpoint local;
        Endpoint remote;
        ChildRef child;  // nullptr: the IKE SA alone
        std::optional<PacketSelectors> packet{};
        std::vector<CommandId> commands{};
        std::vector<IpAddress> vips_before{};        // virtual addresses to ask for again
        std::optional<IpAddress> redirected_from{};  // by this gateway (RFC 5685)
        unsigned rounds_left = 0;                    // keyingtries, after this one
        bool for_ever = false;
        bool tcp = false;  // from the beginning, as UDP is known to get no answer
    };
    // Begins an IKE SA and sends its first message. Fails if there is no key exchange to be had.
    static Result<IkeSpi> initiate(Begin begin, const Environment& env);
    static std::unique_ptr<IkeSa> half_open(SaCore core, InitResult init, const Datagram& request,
                                            const Environment& env);
    static std::unique_ptr<IkeSa> successor(SaCore core, const Environment& env);

    IkeSa(SaCore core, const Environment& env);

    // ---- inputs
    void handle(const Datagram& datagram, const wire::IkeHeader& header, const Environment& env);
    void tick(const Environment& env);
    std::optional<Instant> next_deadline() const;
    void resend_init_response(const Datagram& request, const Environment& env);
    // The plane saw an authenticated packet of one of the children.
    void inbound_seen(Instant at) { last_inbound_ = std::max(last_inbound_, at); }
    void mapping_changed(const Endpoint& remote, const Environment& env);
    // The host's addresses or routes are others now.
    void addresses_changed(const Environment& env);
    // What was asked about the peer's certificate is answered, or cannot be.
    void revocation_known(const Environment& env);
    // The name of the gateway that we were redirected to is looked up.
    void gateway_resolved(const GatewayResolved& answer, const Environment& env);
    // Of the TCP stream that this IKE SA uses. `instead`: what another one that used it, too, has
    // begun to open in its place; else this one may set it.
    void stream_opened(const StreamOpened& opened, const Environment& env);
    // Its connection is configured otherwise now.
    void follow_configuration(const Connection& now, const Environment& env);
    void stream_broken(const StreamBroken& broken, std::optional<StreamId>& instead,
                       const Environment& env);

    // ---- orders
    // False, and nothing changed, if too much waits already.
    bool add(Task task, const Environment& env);
    // Ends the IKE SA: a Delete to the peer if it knows of it.
    void close(std::vector<CommandId> commands, const Environment& env);
    // Ends it here and now, without a word to the peer.
    void vanish(const std::string& why, const Environment& env);
    void rekey_child(ChildSaId id, std::vector<CommandId> commands, const Environment& env);
    void delete_child(ChildSaId id, std::string why, std::vector<CommandId> commands,
                      const Environment& env);
    // Its hard lifetime is over; if nothing has replaced it, another one is made.
    void child_expired(ChildSaId id, const Environment& env);
    // The plane cannot carry it.
    void install_failed(ChildSaId id, const Error& why, const Environment& env);
    // A new IKE SA with the same children takes its place. The commands end when that is up, or
    // when this one is closed, as make_before_break has it.
    void reauthenticate(std::vector<CommandId> commands, const Environment& env);
    // What was closed is not resumed (RFC 5723).
    void end_tickets(const Environment& env);
    // Tells the client to go to another gateway; ends the command.
    void send_away(const Redirect& command, const Environment& env);
    // Removes a child without a word to the peer.
    // swanctl's inactivity: no packet has gone through for that long.
    void child_unused(ChildSaId id, const Environment& env);
    void drop_child(ChildSaId id, std::string_view why, const Environment& env);

    // ---- what it is
    SaCore& core() { return core_; }
    const SaCore& core() const { return core_; }
    bool gone() const { return std::holds_alternative<Gone>(state_); }
    bool connecting() const {
        return std::holds_alternative<InitSent>(state_) ||
               std::holds_alternative<IntermediateSent>(state_) ||
               std::holds_alternative<AuthSent>(state_);
    }
    bool established() const { return std::holds_alternative<Established>(state_); }
    // Established, or will be: takes further tasks.
    bool usable() const { return (connecting() && !close_wanted_) || established(); }
    // Another one is about to take its place: nothing new goes onto it.
    bool replaced_by_another() const { return replaced_by_another_; }
    // The peer's IKE SA with which both ends reauthenticated at once; which stands is decided.
    IkeSpi rival() const { return rival_; }
    // Ends soon, if the peer does not end it before.
    void linger(seconds time, const Environment& env);
    // Works on, or has waiting, the creation of this child.
    bool creating_child(std::string_view child) const;
    // The command waits for the child that is being made already.
    void wait_for_child(std::string_view child, CommandId command);
    IkeSaStatus status() const;
    void check_invariants() const;

 private:
    struct InitSent {
        Boxed<InitInitiator> exchange;
        bool left = true;  // false: it waits for its first TCP stream
        // What was wrong with an answer. Anybody may have sent it, so that it ends nothing.
        std::optional<Error> doubt{};
    };
    struct IntermediateSent {
        Boxed<IntermediateInitiator> exchange;
    };
    struct AuthSent {
        Boxed<AuthInitiator> exchange;
    };
    struct HalfOpen {
        Boxed<AuthResponder> exchange;
        Instant give_up_at;
        unsigned bad_decrypts = 0;
        // Under which the last IKE_INTERMEDIATE request came, and was answered.
        std::optional<crypto::IkeCipher> before{};
        std::optional<crypto::IkeCipher> answered_before{};
    };
    // We refused IKE_AUTH: the answer is kept for retransmissions, and nothing else works.
    struct Rejected {
        Instant forget_at;
        unsigned bad_decrypts = 0;
    };
    struct Established {};
    // A successor has taken over; the one who made it sends the Delete.
    struct Rekeyed {
        IkeSpi successor{};
        Instant give_up_at;
    };
    // Our Delete of this IKE SA is on its way.
    struct Deleting {};
    struct Gone {};
    using State = std::variant<InitSent, IntermediateSent, AuthSent, HalfOpen, Rejected,
                               Established, Rekeyed, Deleting, Gone>;
    friend std::string_view name(const State& state);

    // ike_sa.cpp: life
    void enter(State next, std::string_view because, const Environment& env);
    void forget(const Environment& env);
    void fail_all(const Error& error, const Environment& env);
    void become_established(const Environment& env);
    void peer_is_dead(const Environment& env);
    // Children that are there or are being made, not by a command.
    std::vector<ChildRef> wanted_children() const;
    void end_and_restart(const Error& error, StartAction ChildConfig::* action,
                         const Environment& env);
    // ike_sa_reauth.cpp
    // What of this IKE SA is to be there after it.
    struct Again {
        ConnectionRef connection;
        Endpoint local;
        Endpoint remote;
        std::vector<ChildRef> children{};
        std::vector<IpAddress> vips{};
        std::optional<IpAddress> redirected_from{};
        bool tcp = false;
    };
    Again again(const Environment& env) const;
    static void begin_again(Again what, std::vector<CommandId> commands,
                            std::optional<IkeSpi> replaces, const Environment& env);
    void begin_elsewhere(const IpAddress& local, const Environment& env);
    bool same_ends(const IkeSa& other) const;
    const IkeSa* made_by_peer_just_now(const Environment& env) const;
    static bool rivals(const IkeSa& ours, const IkeSa& theirs, Instant now);
    void settle_with_rival(const Environment& env);
    // The IKE SA that this one's rekeys have led to.
    static IkeSpi standing(IkeSpi spi, const Environment& env);
    void end_what_it_replaces(const Environment& env);
    void give_up_replacing(const Environment& env);
    void tell_who_replaces(IkeSpi successor, const Environment& env);
    void goes_without(const IkeSa& old, const Environment& env);
    void restart_children(const std::vector<std::pair<ChildRef, StartAction>>& children,
                          const Environment& env);

    // ike_sa_redirect.cpp
    void redirected(const Identity& gateway, const Environment& env);
    void ask_for_gateway(const Environment& env);
    void go_to(const Identity& gateway, const IpAddress& address, const Environment& env);
    void leave(const Environment& env);
    void redirect_failed(const Error& error, const Environment& env);
    void await_leaving(const Identity& gateway, const Environment& env);
    void close_if_it_stays(const Environment& env);
    // Redirected in IKE_AUTH: nothing new begins here.
    bool sent_away() const { return established() && begin_.has_value(); }

    // ike_sa_stream.cpp
    static void set_out_by_tcp(SaCore& core, const Environment& env);
    bool opens_streams() const { return core_.on_tcp() && core_.began_first; }
    void open_stream(const Environment& env);
    void follow_to_stream(const Datagram& datagram, const Environment& env);
    bool try_another_stream(const Environment& env);
    bool may_fall_back() const;
    bool go_over_to_tcp(const Environment& env);
    bool fall_back_to_tcp(const Environment& env);

    // ike_sa_crash.cpp
    bool peer_shows_loss(const Datagram& datagram, const wire::IkeHeader& header,
                         const Environment& env);
    void peer_has_restarted(const Environment& env);

    // ike_sa_messages.cpp: in and out
    void handle_init(const Datagram& datagram, const wire::IkeHeader& header,
                     const Environment& env);
    void handle_protected(const Datagram& datagram, const wire::IkeHeader& header,
                          const Environment& env);
    std::optional<Result<wire::Message>> open(const Datagram& datagram,
                                              const wire::IkeHeader& header,
                                              const crypto::IkeCipher& cipher);
    const crypto::IkeCipher& cipher_for(ResponseWindow::Kind window, bool response) const;
    wire::ExchangeType awaited_exchange() const;
    wire::IkeHeader request_header(wire::ExchangeType exchange) const;
    wire::IkeHeader response_header(const wire::IkeHeader& request) const;
    void count_bad_decrypt(const Environment& env);
    void follow_peer(const Datagram& datagram, const Environment& env);
    void handle_request(const Datagram& datagram, const wire::Message& request,
                        const Environment& env);
    void refuse_message(const Datagram& datagram, const wire::IkeHeader& header, const Error& error,
                        const Environment& env);
    void handle_response(const wire::Message& response, const Environment& env);
    void ended_by_peer(wire::ExchangeType exchange, const Environment& env);
    void refuse_response(const wire::Message& response, const Error& error, const Environment& env);
    bool send_request(wire::ExchangeType exchange, const wire::Payloads& payloads,
                      const Environment& env);
    void respond(const Datagram& datagram, const wire::IkeHeader& request,
                 const wire::Payloads& payloads, const Environment& env);
    MessageBytes seal(const wire::IkeHeader& header, const wire::Payloads& payloads,
                      const Environment& env);
    void transmit(const MessageBytes& message, const Environment& env);
    void transmit_to(const MessageBytes& message, const Datagram& request, const Environment& env);

    // ike_sa_resend.cpp
    bool send_again(const Environment& env);
    void answer_again(const Datagram& datagram, const Environment& env);
    std::optional<MessageBytes> cut_smaller(const MessageBytes& message, crypto::IkeCipher& cipher,
                                            const Environment& env) const;

    // ike_sa_handshake.cpp
    void init_answered(const wire::Message& message, const Datagram& datagram,
                       const Environment& env);
    void begin_auth(InitResult init, const Environment& env);
    void auth_answered(const wire::Payloads& payloads, const Environment& env);
    void answer_auth(const Datagram& datagram, const wire::Message& request,
                     const Environment& env);
    void given_up_by_peer(const Datagram& datagram, const wire::Message& message,
                          const Environment& env);
    void stays_without_child(const Environment& env);
    void handshake_failed(const Error& error, std::string_view exchange, bool we_refused,
                          const Environment& env);
    std::optional<Error> choose_childless(const InitResult& init, const Environment& env);
    void float_to_nat_t(const Environment& env);
    bool resume_in_vain(const Environment& env);
    Error no_answer(wire::ExchangeType exchange, const SentSize& size,
                    const Environment& env) const;
    void unanswered(const SentSize& size, const Environment& env);
    bool start_next_round(const Environment& env);
    // Refused before it was there; it repeats its answer for a while.
    void reject(std::string_view because, const Environment& env);
    void uncount(const Environment& env);
    void begin_anew(Begin next, const Environment& env);
    void go_on_with(Begin next, const Environment& env);

    // ike_sa_key_exchanges.cpp
    struct PendingAnswer {
        std::variant<StartedChild, StartedIkeRekey> what;
        Instant give_up_at;
    };
    void go_on_to_auth(InitResult init, const Environment& env);
    void intermediate_answered(const wire::Message& response, const Environment& env);
    void answer_intermediate(const Datagram& datagram, const wire::Message& request,
                             const Environment& env);
    wire::Payloads begin_follow_up(decltype(PendingAnswer::what) what, const Environment& env);
    void drop_heir(const Environment& env);
    void drop_pending_answer(const Environment& env);
    wire::Payloads answer_follow_up(const wire::Payloads& request, const Environment& env);
    template <class Exchange>
    void follow_up(Exchange exchange, Task task, const Environment& env);

    // ike_sa_responder.cpp: requests of an established SA
    wire::Payloads answer_request(const wire::Message& request, const Datagram& datagram,
                                  const Environment& env);
    bool affords(const wire::Payloads& request, unsigned effort_min, const Environment& env);
    wire::Payloads answer_create(const wire::Payloads& request, const Environment& env);
    wire::Payloads answer_rekey_child(const wire::Notify& notify, const wire::Payloads& request,
                                      const Environment& env);
    wire::Payloads answer_new_child(const wire::Payloads& request, Child* rekeyed,
                                    const Environment& env);
    wire::Payloads took_child(CreatedChild created, const Environment& env);
    wire::Payloads answer_ike_rekey(const wire::Payloads& request, const Environment& env);
    wire::Payloads took_ike_rekey(RekeyedIke rekeyed, const Environment& env);
    wire::Payloads answer_informational(const wire::Payloads& request, const Datagram& datagram,
                                        const Environment& env);
    void delete_for_peer(const wire::Delete& payload, wire::Payloads& response,
                         const Environment& env);

    // ike_sa_tasks.cpp: our own exchanges
    bool waits_for_peer(const Task& task) const;
    bool may_begin(const Task& task) const;
    void pump(const Environment& env);
    bool begin(Task task, const Environment& env);
    bool begin_create(CreateChild::Wanted wanted, Task task, const Environment& env);
    bool begin_rekey_ike(Task task, const Environment& env);
    bool begin_delete_child(Task task, const Environment& env);
    void active_answered(const wire::Payloads& response, const Environment& env);
    void child_answered(CreateChild exchange, Task task, const wire::Payloads& response,
                        const Environment& env);
    void ike_rekey_answered(RekeyIke exchange, Task task, const wire::Payloads& response,
                            const Environment& env);
    void ike_rekey_failed(const RekeyIke& exchange, const Environment& env);
    void lost_to_rekey(const Environment& env);
    void later(Task task, const Error& error, const Environment& env);
    void finish(const Task& task, const Status& status, const Environment& env);
    void child_is_up(ChildSaId id, const std::optional<ChildSaId>& instead_of,
                     const Environment& env);
    // Further ones like this, until each resource has one (RFC 9611).
    void want_further(ChildSaId id, const Environment& env);
    // What is to come in the place of a child that ends although it is wanted.
    bool is_configured(const Child& child, const Environment& env) const;
    Task made_again(const Child& child, const Environment& env);
    // This one; or of two IKE SAs, one the successor of the other, the one that has the children.
    IkeSa* holder_of_children(const Environment& env);
    void take_news(const wire::Payloads& request, const Datagram& datagram, const Environment& env);
    void pump_successor(const Environment& env);
    void say_something_new(const Environment& env);
    // Children and tasks go to the successor.
    void hand_over(IkeSpi successor, const Environment& env);
    bool busy_with_children() const;
    bool rekeying_ike() const;
    bool deleting_ike() const;
    void tick_children(const Environment& env);
    void tick_ike(const Environment& env);

    // ike_sa_mobike.cpp
    using Path = std::pair<IpAddress, IpAddress>;  // local, remote
    Path path_in_use() const { return {core_.local.address, core_.remote.address}; }
    void update_children(const Environment& env);
    void replace_what_was_for_the_old_ends(const Environment& env);
    void tell_addresses(bool moved, const Environment& env);
    void peer_tells_addresses(std::vector<IpAddress> others, const Datagram& datagram,
                              const Environment& env);
    std::optional<IpAddress> source_towards(const IpAddress& remote, const Environment& env) const;
    std::optional<Path> best_path(bool another, const Environment& env);
    void move_to(const Path& path, bool for_sure, const Environment& env);
    bool is_inside(const IpAddress& address) const;
    void want_update(const Environment& env);
    void want_probe(const Environment& env);
    bool looks_at_mapping() const;
    void want_mapping(const Environment& env);
    bool try_another_path(const Environment& env);
    bool follow_last_message(const Environment& env);
    bool begin_update(Task task, const Environment& env);
    void update_answered(const UpdatingAddresses& sent, const wire::Payloads& response,
                         const Environment& env);
    void follow_nat(NatSituation nat, const Environment& env);
    void follow_update(const wire::Payloads& request, const Datagram& datagram,
                       wire::Payloads& response, const Environment& env);
    void probe_answered(const ProbingPath& sent, const wire::Payloads& response,
                        const Environment& env);
    void add_mapping_probe(wire::Payloads& payloads, const Environment& env) const;
    void look_at_mapping(const wire::Payloads& response, const Environment& env);

    SaCore core_;
    State state_;
    RequestWindow requests_;
    ResponseWindow responses_;
    Boxed<ActiveExchange> active_;
    // What waits for the standing of the peer's certificate.
    std::optional<wire::Payloads> held_answer_;
    Boxed<std::pair<Datagram, wire::Message>> held_request_;
    // Agreed on with the peer, which has still to send its additional key exchanges.
    std::unique_ptr<PendingAnswer> pending_answer_;
    bool followed_up_ = false;  // the peer was ever told to come with IKE_FOLLOWUP_KE
    std::list<Task> queue_;     // of which there are few, or none
    std::optional<FragmentBuffer> fragments_;           // of a request
    std::optional<FragmentBuffer> response_fragments_;  // of what answers ours
    Instant last_inbound_{};
    Instant last_outbound_{};
    Instant last_id_complaint_{};
    RateLimit mapping_changes_{mapping_changes_per_second_max};
    bool close_wanted_ = false;  // before it is established
    enum class Counted : std::uint8_t { no, half_open, refused, refused_staying };
    Counted counted_ = Counted::no;  // by the guard
    IpAddress half_open_address_;
    // The child that goes with IKE_AUTH, and the commands that wait for it.
    Boxed<Begin> begin_;
    // A successor of a collision that is not decided: the SA that still holds the children.
    std::optional<IkeSpi> inherits_from_;
    // Deleted by the peer before its answer, which tells us of them, arrived.
    std::vector<EspSpi> deleted_early_;
    // Reauthentication: the old one, which ends when this one is up...
    std::optional<IkeSpi> replaces_;
    bool reauthenticates_ = false;  // was begun for that
    IkeSpi rival_{};                // the peer's, of the same moment
    bool replaced_by_another_ = false;
    bool replacing_failed_ = false;  // once at least: before its end it makes room first
    bool lingers_ = false;           // ends soon, with nothing to come after it
    // ... or what begins when this one has ended.
    Boxed<Again> begins_again_;
    // Children that come up again, or are trapped, when this one has ended.
    std::vector<std::pair<ChildRef, StartAction>> restart_;
    std::optional<Identity> resolving_;  // the gateway that we are redirected to
    // An answer that is the last one: why the IKE SA ends once it is sent.
    std::optional<std::string> end_after_answer_;
    seconds dpd_delay_{0};
    seconds keep_alive_{0};
    // Something authentic came by the TCP stream that was opened last.
    bool stream_proved_ = false;
};

}  // namespace culvert::ike::v2
