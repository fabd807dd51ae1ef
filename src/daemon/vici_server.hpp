#pragma once
// Serves VICI on a socket: several clients, bounded queues, one running command each. What the
// commands do is another's business. Main thread only.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/strong.hpp"
#include "daemon/log.hpp"
#include "daemon/loop.hpp"
#include "plane/file_descriptor.hpp"
#include "vici/server_session.hpp"
#include "vici/uri.hpp"

namespace culvert::daemon {

// Never reused: an answer to a client that is gone goes nowhere.
using ClientId = Strong<struct ClientIdTag, std::uint64_t>;

class ViciServer {
 public:
    struct Handlers {
        std::function<void(ClientId, vici::Request)> request;
        std::function<void(ClientId)> gone;
    };
    // Makes one message after the other, then nothing.
    using Source = std::move_only_function<std::optional<vici::Message>()>;

    ViciServer(Loop& loop, Log& log, vici::Catalog catalog);
    ViciServer(const ViciServer&) = delete;
    ViciServer& operator=(const ViciServer&) = delete;
    ViciServer(ViciServer&&) = delete;
    ViciServer& operator=(ViciServer&&) = delete;
    // Closes all, and removes the Unix socket that it made.
    ~ViciServer();

    // Takes over a socket that a dead daemon left. address_in_use: a live one has it; permission,
    // system.
    Status listen(const vici::Uri& uri);
    // Nobody is served before this.
    void serve(Handlers handlers);
    const vici::Uri& uri() const { return uri_; }

    void respond(ClientId client, const vici::Message& message);
    // An event of the client's running command.
    void stream(ClientId client, std::string_view event, const vici::Message& message);
    // The same for many, made as fast as the client reads; the answer is empty.
    void stream_all(ClientId client, std::string_view event, Source source);
    // An event for everyone who subscribed.
    void raise(std::string_view event, const vici::Message& message);
    bool anyone_wants(std::string_view event) const;
    std::size_t clients() const { return clients_.size(); }
    // Events that clients did not get, as they read too slowly or as there was no packet for them.
    std::uint64_t events_lost() const;

 private:
    struct Client;

    void accept();
    void accept_later(int error);
    void turn_away(int descriptor);
    void serve(ClientId id, const std::function<void()>& step);
    void adopt(int descriptor);
    void read(ClientId id);
    void take(ClientId id, ByteView octets);
    void flush(ClientId id);
    void wait(ClientId id, Client& client);
    void close(ClientId id, std::string_view why);
    void pump(ClientId id, Client& client);
    void tell_too_large(ClientId id, std::string_view event);

    Loop& loop_;
    Log& log_;
    vici::Catalog catalog_;
    vici::Uri uri_;
    std::string made_path_;
    plane::FileDescriptor listener_;
    std::unique_ptr<Watcher> watcher_;
    std::unique_ptr<Timer> accepts_again_;
    bool cannot_accept_ = false;
    Handlers handlers_;
    std::map<ClientId, std::unique_ptr<Client>> clients_;
    std::uint64_t last_client_ = 0;
    std::uint64_t events_lost_ = 0;  // by clients that are gone, and what was too large
};

}  // namespace culvert::daemon
