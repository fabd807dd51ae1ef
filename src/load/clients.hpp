#pragma once
// Many initiators in one process: an engine each, all on one UDP socket, told apart by the SPIs
// that they chose. No data plane: Child SAs are negotiated and kept, nothing is sent through them.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "crypto/random.hpp"
#include "ike/engine.hpp"
#include "plane/udp_socket.hpp"

namespace culvert::load {

struct Wanted {
    ike::Config config;  // one connection with one child: what each of them is like
    Endpoint local;
    Endpoint remote;
    std::size_t count = 0;
    std::size_t at_once = 0;  // handshakes in progress
    bool own_identities = false;
};

struct Progress {
    std::size_t begun = 0;
    std::size_t up = 0;
    std::size_t failed = 0;
    std::size_t lost = 0;  // closed again, or declared dead
    std::uint64_t retransmits = 0;
    std::string first_failure;
};

class Clients {
 public:
    static Result<std::unique_ptr<Clients>> open(Wanted wanted);

    // Begins what may begin, waits for what arrives at most this long, and handles it.
    void step(std::chrono::milliseconds longest, bool begin_more);
    const Progress& progress() const { return progress_; }
    bool all_done() const { return progress_.up + progress_.failed >= wanted_.count; }

 private:
    Clients(Wanted wanted, plane::UdpSocket socket);
    ike::ConfigSnapshot config_of(std::size_t index) const;
    void begin_one();
    void carry_out(std::size_t index, ike::Actions actions);
    void take(const plane::Arrival& arrival, Instant now);
    void arm(std::size_t index);

    Wanted wanted_;
    plane::UdpSocket socket_;
    plane::ReceiveBuffers buffers_{16};
    crypto::ThreadRandom random_;
    std::vector<std::unique_ptr<ike::Engine>> engines_;
    std::vector<Instant> armed_;
    std::set<std::pair<Instant, std::size_t>> deadlines_;
    std::unordered_map<std::uint64_t, std::size_t> by_spi_;  // octets as on the wire
    Progress progress_;
};

}  // namespace culvert::load
