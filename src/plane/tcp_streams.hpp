#pragma once
// All TCP connections that carry IKE and ESP (RFC 9329), and who may have one: a listener where it
// is wanted, those that we open, and a thread of its own that begins with the first of them. What
// an unauthenticated peer costs is bounded in number, memory and time (abuse case A-11).

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "plane/limits.hpp"
#include "plane/plane.hpp"
#include "plane/signal.hpp"
#include "plane/stream_admission.hpp"
#include "plane/tcp_socket.hpp"
#include "plane/tcp_stream.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::plane {

// How long what may take, and how often that is looked at.
struct StreamTimes {
    std::chrono::milliseconds prefix = tcp_prefix_time_max;
    std::chrono::milliseconds message = tcp_message_time_max;
    std::chrono::milliseconds stranger = tcp_stranger_time_max;
    std::chrono::milliseconds connect = tcp_connect_time_max;
    std::chrono::milliseconds farewell = tcp_farewell_time_max;
    std::chrono::milliseconds look = tick_every;
};

class TcpStreams {
 public:
    // ESP that arrived, of one SPI and size but for a shorter last one, on its way to its worker;
    // false: that one has too much already. Octets are good within the call.
    using TakeEsp = std::function<bool(const Arrival&)>;

    // `port` is where it listens; 0: any free one.
    TcpStreams(TcpOptions options, std::uint16_t port, const StreamTimes& times = {});
    TcpStreams(const TcpStreams&) = delete;
    TcpStreams& operator=(const TcpStreams&) = delete;
    TcpStreams(TcpStreams&&) = delete;
    TcpStreams& operator=(TcpStreams&&) = delete;
    ~TcpStreams() { stop(); }

    // Before everything else. `events` must outlive this; `esp` may be empty.
    void use(PlaneEvents& events, TakeEsp esp);
    // Ends the thread, and with it all streams.
    void stop();

    // ---- the daemon's thread
    Status listen(bool wanted);
    std::uint16_t port() const { return port_; }
    void open(StreamId id, const Endpoint& local, const Endpoint& remote);
    void keep(StreamId id);
    void close(StreamId id);
    // One IKE message, without its marker.
    void send_ike(StreamId id, ByteView message);

    // ---- any thread
    // ESP packets of `stride` octets each, one behind the other; the last may be shorter. False:
    // none of them leave, as the stream is gone or full.
    bool send_esp(StreamId id, ByteView octets, std::size_t stride);
    void add_statistics(std::map<std::string, std::uint64_t>& out) const;

 private:
    using Shared = std::shared_ptr<TcpStream>;
    Status start();
    void run();
    Shared find(StreamId id) const;
    void ready(std::uint64_t key, std::uint32_t events);
    void accept_from(const FileDescriptor& listener);
    void take_in(FileDescriptor fd, const Endpoint& remote);
    void became_writable(const Shared& stream);
    void read(const Shared& stream);
    void take_messages(TcpStream& stream);
    void take_esp(const TcpStream& stream, MutableByteView packet);
    void hand_over_esp(const TcpStream& stream);
    void tick();
    std::optional<Error> overdue(TcpStream& stream, SteadyTime now) const;
    // Forgets it, and tells of it.
    void end(StreamId id, const Error& why, bool refused);
    Shared take_out(StreamId id);
    void watch_listeners(bool wanted);

    TcpOptions options_;
    std::uint16_t port_;
    StreamTimes times_;
    PlaneEvents* events_ = nullptr;
    TakeEsp esp_;

    FileDescriptor epoll_;
    std::optional<Signal> wake_;
    std::thread thread_;
    std::atomic<bool> stopping_ = false;

    mutable std::mutex mutex_;
    std::vector<FileDescriptor> listeners_;
    bool listeners_rest_ = false;  // we are out of descriptors
    std::unordered_map<StreamId, Shared> streams_;
    StreamAdmission admission_;
    std::uint64_t last_id_ = 0;

    // Of the thread: ESP that is gathered.
    Bytes run_;
    std::size_t run_stride_ = 0;
    bool run_closed_ = false;

    struct Counters {
        std::atomic<std::uint64_t> accepted = 0;
        std::atomic<std::uint64_t> opened = 0;
        std::atomic<std::uint64_t> refused = 0;
        std::atomic<std::uint64_t> broken = 0;
        std::atomic<std::uint64_t> ike_received = 0;
        std::atomic<std::uint64_t> ike_sent = 0;
        std::atomic<std::uint64_t> ike_dropped = 0;
        std::atomic<std::uint64_t> esp_received = 0;
        std::atomic<std::uint64_t> esp_lost = 0;
        std::atomic<std::uint64_t> esp_queue_full = 0;
        std::atomic<std::uint64_t> keep_alives = 0;
        std::atomic<std::uint64_t> junk = 0;
    };
    Counters counters_;
};

}  // namespace culvert::plane
