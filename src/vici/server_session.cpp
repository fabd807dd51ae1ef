#include "vici/server_session.hpp"

#include <utility>

#include <fmt/format.h>

#include "base/assert.hpp"
#include "vici/limits.hpp"

namespace culvert::vici {
namespace {

Error not_for_a_server(PacketType type) {
    return {.code = ErrorCode::malformed,
            .wanted = "a VICI command or event registration",
            .received = fmt::format("a packet of type {}, which only a daemon sends",
                                    std::to_underlying(type))};
}

Error pipelines_too_much() {
    return {
        .code = ErrorCode::limit_reached,
        .wanted = "one VICI command at a time",
        .received = fmt::format("more than {} octets behind a running one", 2 * packet_size_max)};
}

}  // namespace

const std::set<std::string, std::less<>>& protocol_events() {
    static const std::set<std::string, std::less<>> events{
        "log",          "control-log",    "list-sa",    "list-policy", "list-conn",
        "list-cert",    "list-authority", "ike-updown", "ike-rekey",   "ike-update",
        "child-updown", "child-rekey",    "alert"};
    return events;
}

Result<std::optional<Request>> ServerSession::receive(ByteView octets) {
    frames_.feed(octets);
    if (busy_ && waiting_) {
        // Only a shell that reads on although !wants_input() gets here with much.
        if (frames_.buffered() > 2 * packet_size_max) {
            return std::unexpected(pipelines_too_much());
        }
        return std::nullopt;
    }
    if (waiting_) {
        Packet packet = std::move(*waiting_);
        waiting_.reset();
        auto request = handle(std::move(packet));
        // One that we do not know is answered already: there may be another one behind it.
        if (!request || *request || broken_) { return request; }
    }
    while (true) {
        auto frame = frames_.next();
        if (!frame) { return std::unexpected(std::move(frame).error()); }
        if (!*frame) { return std::nullopt; }
        auto packet = decode(**frame);
        if (!packet) { return std::unexpected(std::move(packet).error()); }
        if (packet->type == PacketType::cmd_request && busy_) {
            waiting_ = std::move(*packet);
            return std::nullopt;
        }
        auto request = handle(std::move(*packet));
        if (!request || *request || broken_) { return request; }
    }
}

bool ServerSession::wants_input() const {
    return !broken_ && !waiting_ && output().size() <= event_queue_max;
}

Result<std::optional<Request>> ServerSession::handle(Packet packet) {
    switch (packet.type) {
        case PacketType::cmd_request:
            if (!catalog_.commands.contains(packet.name)) {
                send({.type = PacketType::cmd_unknown});
                return std::nullopt;
            }
            busy_ = true;
            return Request{std::move(packet.name), std::move(packet.message)};
        case PacketType::event_register:
            if (!catalog_.events.contains(packet.name)) {
                send({.type = PacketType::event_unknown});
                return std::nullopt;
            }
            events_.insert(std::move(packet.name));
            send({.type = PacketType::event_confirm});
            return std::nullopt;
        case PacketType::event_unregister:
            // Not registered is as unknown, to the client, as one that does not exist.
            send({.type = events_.erase(packet.name) > 0 ? PacketType::event_confirm
                                                         : PacketType::event_unknown});
            return std::nullopt;
        case PacketType::cmd_response:
        case PacketType::cmd_unknown:
        case PacketType::event_confirm:
        case PacketType::event_unknown:
        case PacketType::event: break;
    }
    return std::unexpected(not_for_a_server(packet.type));
}

void ServerSession::respond(const Message& message) {
    ASSERT(busy_);
    busy_ = false;
    send({.type = PacketType::cmd_response, .message = message});
}

bool ServerSession::raise(std::string_view event, const Message& message) {
    if (!subscribed(event)) { return false; }
    if (output().size() > event_queue_max ||
        !send({.type = PacketType::event, .name = std::string{event}, .message = message})) {
        ++events_dropped_;
        return false;
    }
    return true;
}

bool ServerSession::stream(std::string_view event, const Message& message) {
    return !subscribed(event) ||
           send({.type = PacketType::event, .name = std::string{event}, .message = message});
}

// With room for more than that: else the next event is dropped again.
void ServerSession::tell_of_lost_events() {
    if (events_told_ == events_dropped_ || !subscribed(events_lost_event) ||
        output().size() > event_queue_max / 2) {
        return;
    }
    const std::uint64_t lost = events_dropped_ - std::exchange(events_told_, events_dropped_);
    send({.type = PacketType::event,
          .name = std::string{events_lost_event},
          .message = Message{}.set("lost", fmt::format("{}", lost))});
}

bool ServerSession::wants_more() const { return !broken_ && output().size() < event_queue_max; }

bool ServerSession::send(const Packet& packet) {
    if (broken_) { return true; }
    auto encoded = encode(packet);
    if (!encoded) {
        // Ours to get right, but a client must not wait for ever for an answer that is too large.
        if (packet.type != PacketType::cmd_response) { return false; }
        encoded = encode({.type = PacketType::cmd_response, .message = failure(encoded.error())});
        ASSERT(encoded.has_value());
    }
    if (output().size() + encoded->size() > output_queue_max) {
        broken_ = true;
        output_.clear();
        output_at_ = 0;
        return true;
    }
    append(output_, frame(*encoded));
    return true;
}

ByteView ServerSession::output() const { return ByteView{output_}.subspan(output_at_); }

void ServerSession::written(std::size_t count) {
    ASSERT(count <= output().size());
    output_at_ += count;
    if (output_at_ == output_.size()) {
        output_.clear();
        output_at_ = 0;
    } else if (output_at_ > output_.size() / 2) {
        output_.erase(output_.begin(), output_.begin() + static_cast<std::ptrdiff_t>(output_at_));
        output_at_ = 0;
    }
    tell_of_lost_events();
}

Message success() { return Message{}.set("success", "yes"); }

Message failure(std::string_view errmsg) {
    return Message{}.set("success", "no").set("errmsg", errmsg);
}

Message failure(const Error& error) {
    // A word too long for a VICI value would turn the explanation into silence.
    const auto cut = [](std::string_view text) { return text.substr(0, value_size_max); };
    return failure(cut(explain(error)))
        .set("code", name(error.code))
        .set("wanted", cut(error.wanted))
        .set("received", cut(error.received))
        .set("remedy", cut(error.remedy));
}

}  // namespace culvert::vici
