#include "vici/client.hpp"

#include <array>

#include <fmt/format.h>

#include "vici/limits.hpp"

namespace culvert::vici {
namespace {

Error closed_by_daemon() {
    return {.code = ErrorCode::peer_gone,
            .wanted = "an answer from the daemon",
            .received = "the end of the connection",
            .remedy =
                "look at the daemon's log; it may have stopped, or have cut off a client "
                "that it could not understand"};
}

Error unknown_command(std::string_view command) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the command {}", command),
            .received = "a daemon that does not know it",
            .remedy = "check with `version` which daemon answers on this socket"};
}

Error unknown_event(std::string_view event) {
    return {.code = ErrorCode::not_found,
            .wanted = fmt::format("the event {}", event),
            .received = "a daemon that does not know it",
            .remedy = "check with `version` which daemon answers on this socket"};
}

Error unexpected_packet(PacketType type) {
    return {.code = ErrorCode::malformed,
            .wanted = "the answer to what was asked",
            .received = fmt::format("a VICI packet of type {}", std::to_underlying(type))};
}

Error too_many_events() {
    return {
        .code = ErrorCode::limit_reached,
        .wanted = fmt::format("at most {} events before the answer to a command", events_held_max),
        .received = "more",
        .remedy = "use a connection of its own for events"};
}

Error refused(std::string_view command, const Message& answer) {
    const std::string* words = answer.value("wanted");
    if (words != nullptr) {
        // Our own daemon's answer carries the parts of the Error.
        return {.code = ErrorCode::peer_refused,
                .wanted = *words,
                .received = answer.value_or("received", ""),
                .remedy = answer.value_or("remedy", "")};
    }
    return {.code = ErrorCode::peer_refused,
            .wanted = fmt::format("{} to succeed", command),
            .received = answer.value_or("errmsg", "a failure without a reason")};
}

}  // namespace

Status Client::send(const Packet& packet) {
    const auto encoded = encode(packet);
    if (!encoded) { return std::unexpected(encoded.error()); }
    Status sent = stream_.write(frame(*encoded));
    if (sent) { return sent; }
    // A daemon that turns a client away says why, and may have closed before we asked.
    const auto packet_before = receive();
    if (packet_before && packet_before->type == PacketType::cmd_response) {
        return std::unexpected(refused(packet.name, packet_before->message));
    }
    return sent;
}

Result<Packet> Client::receive() {
    std::array<std::uint8_t, 16384> chunk{};
    while (true) {
        const auto packet = frames_.next();
        if (!packet) { return std::unexpected(packet.error()); }
        if (*packet) { return decode(**packet); }
        const auto count = stream_.read(chunk);
        if (!count) { return std::unexpected(count.error()); }
        if (*count == 0) { return std::unexpected(closed_by_daemon()); }
        frames_.feed(ByteView{chunk}.first(*count));
    }
}

Result<Message> Client::request(std::string_view command, const Message& message) {
    if (Status sent = send({PacketType::cmd_request, std::string{command}, message}); !sent) {
        return std::unexpected(std::move(sent).error());
    }
    return answer(command, {}, {});
}

Result<Message> Client::request(std::string_view command, const Message& message,
                                std::string_view event, const OnEvent& on_event) {
    if (Status done = subscribe(event); !done) { return std::unexpected(std::move(done).error()); }
    if (Status sent = send({PacketType::cmd_request, std::string{command}, message}); !sent) {
        return std::unexpected(std::move(sent).error());
    }
    auto out = answer(command, event, on_event);
    if (!out) { return out; }
    if (Status done = unsubscribe(event); !done) {
        return std::unexpected(std::move(done).error());
    }
    return out;
}

Result<Message> Client::answer(std::string_view command, std::string_view event,
                               const OnEvent& on_event) {
    while (true) {
        auto packet = receive();
        if (!packet) { return std::unexpected(std::move(packet).error()); }
        if (packet->type == PacketType::cmd_response) { return std::move(packet->message); }
        if (packet->type == PacketType::cmd_unknown) {
            return std::unexpected(unknown_command(command));
        }
        if (packet->type != PacketType::event) {
            return std::unexpected(unexpected_packet(packet->type));
        }
        if (!event.empty() && packet->name == event) {
            on_event(packet->message);
        } else if (events_.size() < events_held_max) {
            events_.push_back({std::move(packet->name), std::move(packet->message)});
        } else {
            return std::unexpected(too_many_events());
        }
    }
}

Status Client::subscribe(std::string_view event) {
    return confirm(PacketType::event_register, event);
}

Status Client::unsubscribe(std::string_view event) {
    return confirm(PacketType::event_unregister, event);
}

Status Client::confirm(PacketType type, std::string_view event) {
    if (Status sent = send({.type = type, .name = std::string{event}}); !sent) { return sent; }
    while (true) {
        auto packet = receive();
        if (!packet) { return std::unexpected(std::move(packet).error()); }
        if (packet->type == PacketType::event_confirm) { return {}; }
        if (packet->type == PacketType::event_unknown) {
            return std::unexpected(unknown_event(event));
        }
        if (packet->type == PacketType::cmd_response) {
            return std::unexpected(refused(event, packet->message));
        }
        if (packet->type != PacketType::event) {
            return std::unexpected(unexpected_packet(packet->type));
        }
        if (events_.size() == events_held_max) { return std::unexpected(too_many_events()); }
        events_.push_back({std::move(packet->name), std::move(packet->message)});
    }
}

Result<Event> Client::next_event() {
    if (!events_.empty()) {
        Event out = std::move(events_.front());
        events_.pop_front();
        return out;
    }
    auto packet = receive();
    if (!packet) { return std::unexpected(std::move(packet).error()); }
    if (packet->type != PacketType::event) {
        return std::unexpected(unexpected_packet(packet->type));
    }
    return Event{std::move(packet->name), std::move(packet->message)};
}

Status check(std::string_view command, const Message& answer) {
    const std::string* success = answer.value("success");
    if (success == nullptr || *success == "yes") { return {}; }
    return std::unexpected(refused(command, answer));
}

}  // namespace culvert::vici
