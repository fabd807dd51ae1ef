#include "daemon/vici_server.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <sys/socket.h>

#include "daemon/limits.hpp"
#include "daemon/listen_socket.hpp"
#include "vici/frame.hpp"
#include "vici/limits.hpp"

namespace culvert::daemon {

struct ViciServer::Client {
    Client(Loop& loop, plane::FileDescriptor socket, const vici::Catalog& catalog)
        : descriptor(std::move(socket)), watcher(loop, descriptor.get()), session(catalog) {}

    plane::FileDescriptor descriptor;
    Watcher watcher;  // dies before the descriptor
    vici::ServerSession session;
    std::string source_event;
    Source source;  // of a streamed command
    bool reading = false;
    bool writing = false;
};

ViciServer::ViciServer(Loop& loop, Log& log, vici::Catalog catalog)
    : loop_(loop), log_(log), catalog_(std::move(catalog)) {}

ViciServer::~ViciServer() {
    accepts_again_.reset();
    watcher_.reset();
    clients_.clear();
    if (!made_path_.empty()) { ::unlink(made_path_.c_str()); }
}

Status ViciServer::listen(const vici::Uri& uri) {
    auto socket = listen_on(uri);
    if (!socket) { return std::unexpected(std::move(socket).error()); }
    listener_ = *std::move(socket);
    uri_ = uri;
    made_path_ = uri.path;
    return {};
}

void ViciServer::serve(Handlers handlers) {
    handlers_ = std::move(handlers);
    watcher_ = std::make_unique<Watcher>(loop_, listener_.get());
    accepts_again_ = std::make_unique<Timer>(loop_, [this] { accept(); });
    watcher_->when_readable([this] { accept(); });
}

void ViciServer::accept() {
    while (true) {
        const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) { continue; }
        if (fd < 0 && errno != EAGAIN) {
            accept_later(errno);
            return;
        }
        cannot_accept_ = false;
        if (fd < 0) {
            watcher_->when_readable([this] { accept(); });
            return;
        }
        try {
            adopt(fd);
        } catch (const std::exception&) {
            // A client that there is no memory for must not be the last one.
            watcher_->when_readable([this] { accept(); });
            throw;
        }
    }
}

// Without a descriptor for it a client stays in the queue, where the listener is ready all the
// time.
void ViciServer::accept_later(int error) {
    if (!std::exchange(cannot_accept_, true)) {
        log_.error(LogGroup::vici,
                   fmt::format("no client of VICI can be served: accept: {}; we try again until it "
                               "succeeds. To fix it: allow more open files (LimitNOFILE)",
                               std::generic_category().message(error)));
    }
    accepts_again_->set_in(vici_accept_retry);
}

// What it reads first, whatever it asks.
void ViciServer::turn_away(int descriptor) {
    const Error why{.code = ErrorCode::limit_reached,
                    .wanted = fmt::format("at most {} clients of VICI", vici::clients_max),
                    .received = "one more",
                    .remedy = "close some, or try again"};
    log_.warn(LogGroup::vici,
              fmt::format("turned a client away: {} are connected already", vici::clients_max));
    const auto packet = vici::encode({vici::PacketType::cmd_response, {}, vici::failure(why)});
    if (!packet) { return; }
    const Bytes octets = vici::frame(*packet);
    [[maybe_unused]] const ssize_t sent =
        ::send(descriptor, octets.data(), octets.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void ViciServer::adopt(int descriptor) {
    plane::FileDescriptor socket{descriptor};
    if (clients_.size() == vici::clients_max) {
        turn_away(socket.get());
        return;
    }
    const ClientId id{++last_client_};
    log_.debug(LogGroup::vici,
               fmt::format("client {} connected: {}", id.value(), describe_peer(socket.get())));
    auto& client =
        clients_.emplace(id, std::make_unique<Client>(loop_, std::move(socket), catalog_))
            .first->second;
    wait(id, *client);
}

void ViciServer::wait(ClientId id, Client& client) {
    if (!client.reading && client.session.wants_input()) {
        client.reading = true;
        client.watcher.when_readable([this, id] { serve(id, [&] { read(id); }); });
    }
    if (!client.writing && !client.session.output().empty()) {
        client.writing = true;
        client.watcher.when_writable([this, id] {
            if (const auto found = clients_.find(id); found != clients_.end()) {
                found->second->writing = false;
                serve(id, [&] { flush(id); });
            }
        });
    }
}

// One whose request there is no memory for is not left waiting.
void ViciServer::serve(ClientId id, const std::function<void()>& step) {
    try {
        step();
    } catch (const std::exception&) {
        close(id, "no memory for what it asked");
        throw;
    }
}

void ViciServer::read(ClientId id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) { return; }
    Client& client = *found->second;
    client.reading = false;
    std::array<std::uint8_t, vici_read_max> buffer{};
    const ssize_t count = ::recv(client.descriptor.get(), buffer.data(), buffer.size(), 0);
    if (count == 0) {
        close(id, "it left");
        return;
    }
    if (count < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            wait(id, client);
        } else {
            close(id, "its connection broke");
        }
        return;
    }
    take(id, ByteView{buffer}.first(static_cast<std::size_t>(count)));
}

void ViciServer::take(ClientId id, ByteView octets) {
    ByteView input = octets;
    while (true) {
        const auto found = clients_.find(id);
        if (found == clients_.end()) { return; }
        Client& client = *found->second;
        auto request = client.session.receive(input);
        input = {};
        if (!request) {
            // Bad framing has no answer in VICI: close, and say why here.
            flush(id);
            close(id, explain(request.error()));
            return;
        }
        if (!*request) { break; }
        handlers_.request(id, **std::move(request));
        // Answered at once: there may be another request behind it.
        const auto still = clients_.find(id);
        if (still == clients_.end()) { return; }
        if (still->second->session.busy()) { break; }
    }
    flush(id);
}

void ViciServer::pump(ClientId id, Client& client) {
    while (client.source && client.session.wants_more()) {
        if (const auto message = client.source()) {
            if (!client.session.stream(client.source_event, *message)) {
                tell_too_large(id, client.source_event);
            }
            continue;
        }
        client.source = {};
        client.session.respond({});
    }
}

void ViciServer::flush(ClientId id) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) { return; }
    Client& client = *found->second;
    while (true) {
        const bool was_streaming = static_cast<bool>(client.source);
        pump(id, client);
        if (client.session.broken()) {
            close(id, "it does not read what it asked for");
            return;
        }
        const ByteView output = client.session.output();
        if (output.empty()) {
            if (was_streaming && !client.source) {
                take(id, {});
                return;
            }
            break;
        }
        const ssize_t count =
            ::send(client.descriptor.get(), output.data(), output.size(), MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EAGAIN || errno == EINTR) { break; }
            close(id, "its connection broke");
            return;
        }
        client.session.written(static_cast<std::size_t>(count));
    }
    wait(id, client);
}

void ViciServer::close(ClientId id, std::string_view why) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) { return; }
    const std::uint64_t lost = found->second->session.events_dropped();
    events_lost_ += lost;
    clients_.erase(found);
    log_.debug(LogGroup::vici,
               fmt::format("client {} closed: {}{}", id.value(), why,
                           lost == 0 ? "" : fmt::format("; {} events were dropped for it", lost)));
    if (handlers_.gone) { handlers_.gone(id); }
}

void ViciServer::respond(ClientId client, const vici::Message& message) {
    const auto found = clients_.find(client);
    if (found == clients_.end() || !found->second->session.busy()) { return; }
    found->second->session.respond(message);
    // Later, so that no handler finds its client closed under it.
    loop_.post([this, client] { take(client, {}); });
}

void ViciServer::stream(ClientId client, std::string_view event, const vici::Message& message) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) { return; }
    if (!found->second->session.stream(event, message)) { tell_too_large(client, event); }
    wait(client, *found->second);
}

void ViciServer::stream_all(ClientId client, std::string_view event, Source source) {
    const auto found = clients_.find(client);
    if (found == clients_.end()) { return; }
    found->second->source_event = event;
    found->second->source = std::move(source);
    loop_.post([this, client] { flush(client); });
}

void ViciServer::raise(std::string_view event, const vici::Message& message) {
    for (auto& [id, client] : clients_) {
        if (client->session.raise(event, message)) { wait(id, *client); }
    }
}

// Nobody asks why something is not listed.
void ViciServer::tell_too_large(ClientId id, std::string_view event) {
    ++events_lost_;
    log_.warn(LogGroup::vici,
              fmt::format("client {}: an event {} was left out: it does not fit in a packet of "
                          "VICI ({} octets)",
                          id.value(), event, vici::packet_size_max));
}

std::uint64_t ViciServer::events_lost() const {
    std::uint64_t out = events_lost_;
    for (const auto& [id, client] : clients_) { out += client->session.events_dropped(); }
    return out;
}

bool ViciServer::anyone_wants(std::string_view event) const {
    return std::ranges::any_of(
        clients_, [&](const auto& entry) { return entry.second->session.subscribed(event); });
}

}  // namespace culvert::daemon
