#include "plane/tcp_streams.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/assert.hpp"
#include "plane/demultiplex.hpp"
#include "plane/errors.hpp"
#include "plane/limits.hpp"
#include "plane/socket_address.hpp"

namespace culvert::plane {
namespace {

constexpr std::uint64_t wake_key = ~std::uint64_t{0};
constexpr std::uint64_t listener_key = wake_key - 1;  // and one less for each further one
constexpr std::size_t listeners_max = 2;
constexpr std::size_t events_max = 64;

// Off the packet path, and nothing hangs on their order: relaxed is enough.
void count(std::atomic<std::uint64_t>& counter, std::uint64_t times = 1) {
    counter.fetch_add(times, std::memory_order_relaxed);
}

// No more than a part of the descriptors that we may have: others need them, too.
StreamAdmission::Limits limits() {
    rlimit files{};
    std::size_t all = tcp_streams_max;
    if (::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur != RLIM_INFINITY) {
        all = std::min(all, static_cast<std::size_t>(files.rlim_cur) / tcp_descriptor_share);
    }
    return {.all = all,
            .strangers = std::min(tcp_strangers_max, all / 2),
            .strangers_an_address = tcp_strangers_an_address_max};
}

Error closed_by_peer() {
    return {.code = ErrorCode::peer_gone, .received = "the peer closed the connection"};
}

Error took_too_long(std::string_view what, std::chrono::milliseconds limit) {
    return {.code = ErrorCode::timed_out,
            .wanted = fmt::format("{} within {} ms", what, limit.count()),
            .received = "nothing, or not all of it"};
}

Error takes_nothing() {
    return {.code = ErrorCode::limit_reached,
            .wanted = "the peer to take what it is sent",
            .received = fmt::format("{} octets that wait", tcp_queue_octets_max)};
}

Error made_way() {
    return {.code = ErrorCode::limit_reached,
            .wanted = "room for another TCP connection",
            .received = "too many that have not authenticated: the oldest one has to go"};
}

Error only_junk() {
    return {.code = ErrorCode::malformed,
            .wanted = "IKE or ESP in TCP",
            .received = fmt::format("{} messages in a row that are neither", tcp_junk_max)};
}

}  // namespace

TcpStreams::TcpStreams(TcpOptions options, std::uint16_t port, const StreamTimes& times)
    : options_(options), port_(port), times_(times), admission_(limits()) {}

void TcpStreams::use(PlaneEvents& events, TakeEsp esp) {
    events_ = &events;
    esp_ = std::move(esp);
}

Status TcpStreams::start() {
    if (thread_.joinable()) { return {}; }
    ASSERT(events_ != nullptr);
    epoll_ = FileDescriptor{::epoll_create1(EPOLL_CLOEXEC)};
    if (!epoll_) {
        return std::unexpected(system_error("to wait for TCP connections (epoll)", errno));
    }
    auto wake = Signal::make();
    if (!wake) { return std::unexpected(std::move(wake).error()); }
    wake_.emplace(std::move(*wake));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = wake_key;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_->fd(), &event) != 0) {
        return std::unexpected(system_error("to watch a descriptor", errno));
    }
    thread_ = std::thread{[this] { run(); }};
    static_cast<void>(::pthread_setname_np(thread_.native_handle(), "streams"));
    return {};
}

void TcpStreams::stop() {
    if (!thread_.joinable()) { return; }
    stopping_ = true;
    wake_->give();
    thread_.join();
    const std::scoped_lock lock{mutex_};
    listeners_.clear();
    streams_.clear();
}

// ---- the daemon's thread

Status TcpStreams::listen(bool wanted) {
    if (!wanted) {
        const std::scoped_lock lock{mutex_};
        listeners_.clear();
        return {};
    }
    if (auto done = start(); !done) { return done; }
    const std::scoped_lock lock{mutex_};
    if (!listeners_.empty()) { return {}; }
    for (const IpFamily family : {IpFamily::v4, IpFamily::v6}) {
        auto listener = listen_tcp(family, port_, options_);
        if (!listener && listener.error().code == ErrorCode::unsupported) { continue; }
        if (!listener) {
            listeners_.clear();
            return std::unexpected(std::move(listener).error());
        }
        port_ = local_end_of(listener->get()).port;
        listeners_.push_back(std::move(*listener));
    }
    listeners_rest_ = true;
    watch_listeners(true);
    return {};
}

void TcpStreams::open(StreamId id, const Endpoint& local, const Endpoint& remote) {
    const auto failed = [&](Error why) {
        count(counters_.broken);
        events_->stream_broken(id, remote, std::move(why), false);
    };
    if (auto done = start(); !done) { return failed(std::move(done).error()); }
    auto fd = begin_tcp(local.address, remote, options_);
    if (!fd) { return failed(std::move(fd).error()); }
    const std::scoped_lock lock{mutex_};
    streams_.emplace(id,
                     std::make_shared<TcpStream>(id, std::move(*fd), epoll_.get(), true, remote));
    wake_->give();  // from now on time counts
}

void TcpStreams::keep(StreamId id) {
    const std::scoped_lock lock{mutex_};
    admission_.authenticated(id);
}

void TcpStreams::close(StreamId id) {
    if (const Shared stream = find(id)) { stream->finish(); }
}

void TcpStreams::send_ike(StreamId id, ByteView message) {
    const Shared stream = find(id);
    const bool fits = message.size() + non_esp_marker_octets <= stream_message_max;
    if (!stream || !fits) { return count(counters_.ike_dropped); }
    Bytes framed;
    framed.reserve(stream_length_octets + non_esp_marker_octets + message.size());
    append_stream_message(framed, message, true);
    switch (stream->send(framed, tcp_queue_octets_max)) {
        case TcpStream::Sent::all: return count(counters_.ike_sent);
        case TcpStream::Sent::no_room: return end(id, takes_nothing(), true);
        case TcpStream::Sent::gone: return count(counters_.ike_dropped);  // soon told of
    }
}

TcpStreams::Shared TcpStreams::find(StreamId id) const {
    const std::scoped_lock lock{mutex_};
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : found->second;
}

// ---- any thread

bool TcpStreams::send_esp(StreamId id, ByteView octets, std::size_t stride) {
    const Shared stream = find(id);
    if (!stream) {
        count(counters_.esp_lost);
        return false;
    }
    Bytes framed;
    framed.reserve(octets.size() + (octets.size() / stride + 1) * stream_length_octets);
    for (std::size_t at = 0; at < octets.size(); at += stride) {
        append_stream_message(framed, octets.subspan(at, std::min(stride, octets.size() - at)),
                              false);
    }
    const TcpStream::Sent sent = stream->send(framed, tcp_esp_queue_octets_max);
    if (sent == TcpStream::Sent::all) { return true; }
    count(sent == TcpStream::Sent::gone ? counters_.esp_lost : counters_.esp_queue_full);
    return false;
}

void TcpStreams::add_statistics(std::map<std::string, std::uint64_t>& out) const {
    const auto put = [&](const char* name, const std::atomic<std::uint64_t>& counter) {
        out[name] = counter.load(std::memory_order_relaxed);
    };
    put("tcp_accepted", counters_.accepted);
    put("tcp_opened", counters_.opened);
    put("tcp_refused", counters_.refused);
    put("tcp_broken", counters_.broken);
    put("tcp_ike_received", counters_.ike_received);
    put("tcp_ike_sent", counters_.ike_sent);
    put("tcp_ike_dropped", counters_.ike_dropped);
    put("tcp_esp_received", counters_.esp_received);
    put("tcp_esp_lost", counters_.esp_lost);
    put("tcp_esp_queue_full", counters_.esp_queue_full);
    put("tcp_keepalives_received", counters_.keep_alives);
    put("tcp_junk", counters_.junk);
    const std::scoped_lock lock{mutex_};
    out["tcp_streams"] = streams_.size();
    out["tcp_strangers"] = admission_.strangers();
}

// ---- the thread

void TcpStreams::run() {
    SteadyTime next_tick = std::chrono::steady_clock::now() + times_.look;
    while (!stopping_) {
        bool quiet = false;
        {
            const std::scoped_lock lock{mutex_};
            quiet = streams_.empty() && !(listeners_rest_ && !listeners_.empty());
        }
        std::array<epoll_event, events_max> events{};
        const int timeout = static_cast<int>(times_.look.count());
        const int got = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                     quiet ? -1 : timeout);
        for (int i = 0; i < got; ++i) {
            const epoll_event& event = events[static_cast<std::size_t>(i)];
            ready(event.data.u64, event.events);
        }
        const SteadyTime now = std::chrono::steady_clock::now();
        if (now >= next_tick) {
            tick();
            next_tick = now + times_.look;
        }
    }
}

void TcpStreams::ready(std::uint64_t key, std::uint32_t events) {
    if (key == wake_key) { return wake_->take(); }
    if (key > listener_key - listeners_max) {
        const std::size_t index = listener_key - key;
        const std::unique_lock lock{mutex_};
        if (index < listeners_.size()) { accept_from(listeners_[index]); }
        return;
    }
    const Shared stream = find(StreamId{key});
    if (!stream) { return; }
    if ((events & EPOLLOUT) != 0 || stream->connecting()) {
        became_writable(stream);
        if (stream->connecting()) { return; }
    }
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) { read(stream); }
}

// With mutex_ held.
void TcpStreams::accept_from(const FileDescriptor& listener) {
    for (int round = 0; round < rounds_a_wakeup_max; ++round) {
        SocketAddress from;
        from.length = sizeof from.storage;
        FileDescriptor fd{
            ::accept4(listener.get(), from.data(), &from.length, SOCK_CLOEXEC | SOCK_NONBLOCK)};
        if (!fd) {
            // The others wait in the kernel, whose queue is short, until we have descriptors.
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                watch_listeners(false);
            }
            return;
        }
        if (const auto remote = from.endpoint()) { take_in(std::move(fd), *remote); }
    }
}

void TcpStreams::take_in(FileDescriptor fd, const Endpoint& remote) {
    const StreamId id{++last_id_};
    auto admitted = admission_.arrive(id, remote.address);
    if (!admitted) {
        count(counters_.refused);
        reset_tcp(fd.get());
        events_->stream_broken(id, remote, std::move(admitted).error(), true);
        return;
    }
    if (*admitted) {
        const auto goes = streams_.extract(**admitted);
        if (!goes.empty()) {
            count(counters_.refused);
            reset_tcp(goes.mapped()->fd());
            events_->stream_broken(goes.key(), goes.mapped()->remote(), made_way(), true);
        }
    }
    prepare_tcp(fd.get());
    count(counters_.accepted);
    streams_.emplace(id,
                     std::make_shared<TcpStream>(id, std::move(fd), epoll_.get(), false, remote));
}

void TcpStreams::watch_listeners(bool wanted) {
    if (listeners_rest_ != wanted) { return; }
    listeners_rest_ = !wanted;
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = listener_key - i;
        static_cast<void>(::epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
                                      listeners_[i].get(), &event));
    }
}

void TcpStreams::became_writable(const Shared& stream) {
    if (stream->connecting()) {
        if (const int error = socket_error(stream->fd()); error != 0) {
            return end(stream->id(), unreachable(stream->remote(), error, {}), false);
        }
        stream->connected();
        count(counters_.opened);
        events_->stream_opened(stream->id(), stream->local());
        return;
    }
    if (const int error = stream->write_on(); error != 0) {
        end(stream->id(), unreachable(stream->remote(), error, {}), false);
    }
}

void TcpStreams::read(const Shared& stream) {
    for (int round = 0; round < rounds_a_wakeup_max; ++round) {
        const MutableByteView room = stream->reader.room();
        const ssize_t got = ::recv(stream->fd(), room.data(), room.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EINTR) { continue; }
        if (got < 0 && errno == EAGAIN) { return; }
        if (got < 0) { return end(stream->id(), unreachable(stream->remote(), errno, {}), false); }
        // A message that is cut off here is lost (RFC 9329 7.1).
        if (got == 0) { return end(stream->id(), closed_by_peer(), false); }
        if (stream->finishing()) { continue; }
        stream->reader.arrived(static_cast<std::size_t>(got));
        take_messages(*stream);
        if (stream->reader.broken()) { return end(stream->id(), *stream->reader.broken(), true); }
        if (stream->junk_in_a_row >= tcp_junk_max) { return end(stream->id(), only_junk(), true); }
        if (static_cast<std::size_t>(got) < room.size()) { return; }
    }
}

void TcpStreams::take_messages(TcpStream& stream) {
    bool any = false;
    while (const auto message = stream.reader.next()) {
        any = true;
        const NatTKind kind = kind_of_nat_t(*message);
        stream.junk_in_a_row = kind == NatTKind::junk ? stream.junk_in_a_row + 1 : 0;
        if (stream.junk_in_a_row >= tcp_junk_max) { break; }
        switch (kind) {
            case NatTKind::keep_alive: count(counters_.keep_alives); break;
            case NatTKind::junk: count(counters_.junk); break;
            case NatTKind::esp: take_esp(stream, *message); break;
            case NatTKind::ike:
                hand_over_esp(stream);
                count(counters_.ike_received);
                events_->ike_datagram({.local = stream.local(),
                                       .remote = stream.remote(),
                                       .non_esp_marker = true,
                                       .bytes = to_bytes(message->subspan(non_esp_marker_octets)),
                                       .stream = stream.id()});
                break;
        }
    }
    hand_over_esp(stream);
    if (!stream.reader.within_message()) {
        stream.message_since.reset();
    } else if (any || !stream.message_since) {
        stream.message_since = std::chrono::steady_clock::now();
    }
}

// What follows one another goes together, as UDP's GRO would have it.
void TcpStreams::take_esp(const TcpStream& stream, MutableByteView packet) {
    count(counters_.esp_received);
    const bool joins = !run_.empty() && !run_closed_ && packet.size() <= run_stride_ &&
                       run_.size() + packet.size() <= packet_octets_max &&
                       std::equal(packet.begin(), packet.begin() + 4, run_.begin());  // the SPI
    if (!joins) {
        hand_over_esp(stream);
        run_stride_ = packet.size();
    }
    run_closed_ = packet.size() < run_stride_;
    append(run_, packet);
}

void TcpStreams::hand_over_esp(const TcpStream& stream) {
    if (run_.empty()) { return; }
    const std::size_t packets = (run_.size() + run_stride_ - 1) / run_stride_;
    const Arrival run{
        .local = stream.local(), .remote = stream.remote(), .octets = run_, .stride = run_stride_};
    bool taken = false;
    // To wait makes the peer wait, as TCP does; but not for ever, as others wait, too.
    for (int i = 0; esp_ && !taken && i < stream_hand_over_tries; ++i) {
        if (i != 0) { std::this_thread::sleep_for(stream_hand_over_wait); }
        taken = esp_(run);
    }
    if (!taken) { count(counters_.esp_lost, packets); }
    run_.clear();
    run_closed_ = false;
}

void TcpStreams::tick() {
    std::vector<Shared> all;
    {
        const std::scoped_lock lock{mutex_};
        watch_listeners(true);
        for (const auto& [id, stream] : streams_) { all.push_back(stream); }
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const Shared& stream : all) {
        if (const auto why = overdue(*stream, now)) { end(stream->id(), *why, !stream->ours()); }
    }
}

std::optional<Error> TcpStreams::overdue(TcpStream& stream, SteadyTime now) const {
    if (stream.finishing()) {
        if (!stream.closing_since) { stream.closing_since = now; }
        if (now - *stream.closing_since < times_.farewell) { return std::nullopt; }
        return took_too_long("the peer to close as well", times_.farewell);
    }
    const auto age = now - stream.since;
    if (stream.connecting()) {
        if (age < times_.connect) { return std::nullopt; }
        return took_too_long("a TCP connection", times_.connect);
    }
    if (stream.reader.awaits_prefix() && age >= times_.prefix) {
        return took_too_long("the octets IKETCP, with which IKE over TCP begins", times_.prefix);
    }
    if (stream.message_since && now - *stream.message_since >= times_.message) {
        return took_too_long("all of a message", times_.message);
    }
    const std::scoped_lock lock{mutex_};
    if (admission_.is_stranger(stream.id()) && age >= times_.stranger) {
        return took_too_long("the peer to authenticate", times_.stranger);
    }
    return std::nullopt;
}

TcpStreams::Shared TcpStreams::take_out(StreamId id) {
    const std::scoped_lock lock{mutex_};
    auto found = streams_.extract(id);
    if (found.empty()) { return nullptr; }
    admission_.gone(id);
    return std::move(found.mapped());
}

void TcpStreams::end(StreamId id, const Error& why, bool refused) {
    const Shared stream = take_out(id);
    if (!stream || stream->finishing()) { return; }  // nobody asks for it any more
    count(refused ? counters_.refused : counters_.broken);
    events_->stream_broken(id, stream->remote(), why, refused);
    if (refused) { return reset_tcp(stream->fd()); }
    // What others still hold of it goes nowhere.
    static_cast<void>(::shutdown(stream->fd(), SHUT_RDWR));
}

}  // namespace culvert::plane
