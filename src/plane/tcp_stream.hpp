#pragma once
// One TCP connection that carries IKE and ESP (RFC 9329): what is to be sent, from any thread, and
// what arrives, in one. Bounded both ways.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

#include "base/bytes.hpp"
#include "base/ip.hpp"
#include "ipsec_types/spi.hpp"
#include "plane/file_descriptor.hpp"
#include "plane/stream_framing.hpp"

namespace culvert::plane {

using SteadyTime = std::chrono::steady_clock::time_point;

class TcpStream {
 public:
    // `epoll` looks at it from here on, with the id as its data.
    TcpStream(StreamId id, FileDescriptor fd, int epoll, bool ours, const Endpoint& remote);
    TcpStream(const TcpStream&) = delete;
    TcpStream& operator=(const TcpStream&) = delete;
    TcpStream(TcpStream&&) = delete;
    TcpStream& operator=(TcpStream&&) = delete;
    ~TcpStream() = default;

    // ---- any thread
    enum class Sent : std::uint8_t {
        all,      // now or soon
        no_room,  // nothing of it
        gone,     // not connected
    };
    // Whole messages with their lengths, one behind the other. With more than `queue_max` octets
    // waiting they are not taken.
    Sent send(ByteView framed, std::size_t queue_max);
    // No more is sent than what waits already, and what still arrives is passed over.
    void finish();
    bool finishing() const { return finishing_; }

    // ---- the thread that owns it
    StreamId id() const { return id_; }
    int fd() const { return fd_.get(); }
    bool ours() const { return ours_; }
    const Endpoint& local() const { return local_; }
    const Endpoint& remote() const { return remote_; }
    bool connecting() const { return connecting_; }
    // The connection that we opened is there: sends the prefix.
    void connected();
    // What waits leaves as far as it goes; errno when it is broken, else 0.
    int write_on();

    StreamReader reader;
    const SteadyTime since = std::chrono::steady_clock::now();
    std::optional<SteadyTime> message_since;  // some of a message is there from then on
    std::optional<SteadyTime> closing_since;  // noticed at a tick
    unsigned junk_in_a_row = 0;

 private:
    void want_to_write(bool wanted);
    bool put(ByteView octets);

    StreamId id_;
    FileDescriptor fd_;
    int epoll_;
    bool ours_;
    bool connecting_;
    Endpoint local_;
    Endpoint remote_;
    std::atomic<bool> finishing_ = false;

    std::mutex mutex_;
    bool open_ = false;
    bool waits_to_write_ = false;
    int error_ = 0;
    Bytes queue_;
    std::size_t queue_begin_ = 0;
};

}  // namespace culvert::plane
