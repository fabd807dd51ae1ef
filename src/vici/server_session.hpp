#pragma once
// One client of the daemon, without its socket. The shell moves octets:
//
//     read some octets      -> auto requests = session.receive(octets);  an error: close the socket
//     for each request      -> carry it out, session.stream(...) while it runs, then
//                              session.respond(...)  - at once or much later
//     session.output()      -> write it; session.written(count)
//     !session.wants_input()-> do not read from the socket now (back-pressure)
//     session.broken()      -> the client does not read its answers: close the socket
//     a broadcast event     -> session.raise(...) on every session
//
// Event (un)registration, unknown commands and unknown events are answered here. One command a
// client runs at a time; what comes behind it waits until it is answered.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "vici/frame.hpp"
#include "vici/message.hpp"

namespace culvert::vici {

// The commands and events that the daemon serves.
struct Catalog {
    std::set<std::string, std::less<>> commands;
    std::set<std::string, std::less<>> events;
};

// All 13 events of the protocol.
const std::set<std::string, std::less<>>& protocol_events();

struct Request {
    std::string command;
    Message message;
};

class ServerSession {
 public:
    explicit ServerSession(Catalog catalog) : catalog_(std::move(catalog)) {}

    // Takes what arrived. A request to carry out, if one is complete and none is running; after
    // respond(), call it again with no octets for what waited meanwhile. An error: the client does
    // not speak VICI; nothing more can be had from it.
    Result<std::optional<Request>> receive(ByteView octets);

    bool busy() const { return busy_; }
    // False while a command runs and another packet waits already: leave its octets in the socket.
    bool wants_input() const;

    // The answer to the running command.
    void respond(const Message& message);

    bool subscribed(std::string_view event) const { return events_.contains(event); }
    // An event for whoever subscribed to it. False if this client did not, or reads too slowly (the
    // event is dropped for it and counted).
    bool raise(std::string_view event, const Message& message);
    // An event of the running command (list-sa, control-log...): never dropped, but a client that
    // does not read is broken() in the end. Sent only if subscribed, as VICI has it. False: it is
    // too large for a packet, and was left out.
    bool stream(std::string_view event, const Message& message);
    // True while little is queued: a long stream may go on.
    bool wants_more() const;

    // What to write to the socket, and how much of it was written.
    ByteView output() const;
    void written(std::size_t count);

    bool broken() const { return broken_; }
    std::uint64_t events_dropped() const { return events_dropped_; }

 private:
    Result<std::optional<Request>> handle(Packet packet);
    bool send(const Packet& packet);
    void tell_of_lost_events();

    Catalog catalog_;
    FrameReader frames_;
    std::optional<Packet> waiting_;  // a request behind the running command
    std::set<std::string, std::less<>> events_;
    Bytes output_;
    std::size_t output_at_ = 0;
    std::uint64_t events_dropped_ = 0;
    std::uint64_t events_told_ = 0;  // of those that were dropped
    bool busy_ = false;
    bool broken_ = false;
};

// {lost = N}: so many events were dropped since the last one of these, as the client read too
// slowly. Comes as soon as there is room again, to whoever subscribed.
constexpr std::string_view events_lost_event = "culvert-events-lost";

// The answers that most commands give: {success = yes}, and {success = no, errmsg = ...}.
Message success();
Message failure(std::string_view errmsg);
// The same with the error's words: errmsg is explain(error), and `code`, `wanted`, `received`,
// `remedy` beside it for programs.
Message failure(const Error& error);

}  // namespace culvert::vici
