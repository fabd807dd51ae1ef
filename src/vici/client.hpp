#pragma once
// The client's side over any stream of octets, blocking:
//
//     class UnixStream : public vici::ByteStream { ... read(2), write(2) ... };
//     UnixStream stream{...};
//     vici::Client client{stream};
//     auto answer = client.request("list-sas", {}, "list-sa", [&](const vici::Message& sa) {...});
//
// An error of the stream ends the client; an answer {success = no} is an answer, see check().

#include <cstddef>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "vici/frame.hpp"
#include "vici/message.hpp"

namespace culvert::vici {

class ByteStream {
 public:
    ByteStream() = default;
    ByteStream(const ByteStream&) = delete;
    ByteStream& operator=(const ByteStream&) = delete;
    ByteStream(ByteStream&&) = delete;
    ByteStream& operator=(ByteStream&&) = delete;
    virtual ~ByteStream() = default;

    // Blocks until all is written.
    virtual Status write(ByteView octets) = 0;
    // Blocks for at least one octet; zero: the other side closed. ErrorCode::timed_out or cancelled
    // where the stream has such a thing.
    virtual Result<std::size_t> read(MutableByteView into) = 0;
};

struct Event {
    std::string name;
    Message message;
};

class Client {
 public:
    using OnEvent = std::function<void(const Message&)>;

    // `stream` must outlive the client.
    explicit Client(ByteStream& stream) : stream_(stream) {}

    // Sends the command and waits for its answer. not_found: the daemon does not know it.
    Result<Message> request(std::string_view command, const Message& message = {});
    // The same for a command that streams: subscribes to `event`, hands each over while the command
    // runs, unsubscribes.
    Result<Message> request(std::string_view command, const Message& message,
                            std::string_view event, const OnEvent& on_event);

    // not_found: the daemon does not know the event.
    Status subscribe(std::string_view event);
    Status unsubscribe(std::string_view event);
    // Waits for the next event that was subscribed to.
    Result<Event> next_event();

 private:
    Status send(const Packet& packet);
    Result<Packet> receive();
    Status confirm(PacketType type, std::string_view event);
    Result<Message> answer(std::string_view command, std::string_view event,
                           const OnEvent& on_event);

    ByteStream& stream_;
    FrameReader frames_;
    std::deque<Event> events_;  // came while an answer was awaited; events_held_max
};

// What `success` and `errmsg` in an answer say; an answer without `success` is a success.
Status check(std::string_view command, const Message& answer);

}  // namespace culvert::vici
