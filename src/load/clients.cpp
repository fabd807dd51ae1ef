#include "load/clients.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include <fmt/format.h>
#include <poll.h>

#include "base/assert.hpp"
#include "base/overloaded.hpp"
#include "ike/own_certificates.hpp"
#include "plane/demultiplex.hpp"

namespace culvert::load {
namespace {

Instant now() {
    timespec time{};
    ASSERT(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    return Instant{std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec}};
}

// The initiator's SPI: the first eight octets of every message (RFC 7296 3.1).
std::uint64_t key_of(ByteView message) {
    std::uint64_t key = 0;
    std::memcpy(&key, message.data(), sizeof key);
    return key;
}

constexpr std::size_t ike_header_octets = 28;

ike::AddressPattern exactly(const IpAddress& address) {
    return {.text = address.to_string(), .any = false, .ranges = {IpRange{address, address}}};
}

IpAddress address_of(std::size_t index) {
    return IpAddress::v4(0x0a000000U + static_cast<std::uint32_t>(index) + 1);
}

}  // namespace

Result<std::unique_ptr<Clients>> Clients::open(Wanted wanted) {
    auto socket = plane::UdpSocket::open({.family = wanted.remote.address.family(),
                                          .port = wanted.local.port,
                                          .mark_needed = false});
    if (!socket) { return std::unexpected(std::move(socket).error()); }
    wanted.local.port = socket->port();
    return std::unique_ptr<Clients>{new Clients{std::move(wanted), std::move(*socket)}};
}

Clients::Clients(Wanted wanted, plane::UdpSocket socket)
    : wanted_(std::move(wanted)), socket_(std::move(socket)) {
    engines_.reserve(wanted_.count);
    armed_.resize(wanted_.count);
}

ike::ConfigSnapshot Clients::config_of(std::size_t index) const {
    auto config = std::make_shared<ike::Config>();
    config->settings = wanted_.config.settings;
    config->settings.port = wanted_.local.port;
    config->settings.port_nat_t = wanted_.local.port;
    config->credentials = wanted_.config.credentials;
    for (const ike::SharedSecret& secret : wanted_.config.secrets) {
        config->secrets.push_back(
            {.name = secret.name, .owners = secret.owners, .secret = secret.secret.clone()});
    }
    ike::Connection connection = wanted_.config.connections.front();
    connection.local_addrs = {exactly(wanted_.local.address)};
    connection.remote_addrs = {exactly(wanted_.remote.address)};
    connection.remote_port = wanted_.remote.port;
    if (wanted_.own_identities) {
        auto id = ike::Identity::parse(fmt::format("client{}.load", index));
        ASSERT(id.has_value());
        connection.local.id = std::move(*id);
    }
    auto own = TrafficSelector::parse(address_of(index).to_string() + "/32");
    ASSERT(own.has_value());
    connection.children.front().local_ts = {{.dynamic = false, .selector = *own}};
    config->connections.push_back(std::move(connection));
    if (config->credentials) { (void)ike::bind(config->connections.front(), *config->credentials); }
    return config;
}

void Clients::begin_one() {
    const std::size_t index = engines_.size();
    engines_.push_back(std::make_unique<ike::Engine>(config_of(index), random_));
    engines_[index]->use_calendar([](Instant) {
        return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    });
    ++progress_.begun;
    const ike::Connection& connection = wanted_.config.connections.front();
    carry_out(index,
              engines_[index]->handle(ike::Initiate{.id = ike::CommandId{1},
                                                    .connection = connection.name,
                                                    .child = connection.children.front().name},
                                      now()));
}

void Clients::step(std::chrono::milliseconds longest, bool begin_more) {
    const auto in_progress = [&] { return progress_.begun - progress_.up - progress_.failed; };
    while (begin_more && progress_.begun < wanted_.count && in_progress() < wanted_.at_once) {
        begin_one();
    }
    pollfd waiting{.fd = socket_.fd(), .events = POLLIN, .revents = 0};
    auto wait = longest;
    if (!deadlines_.empty()) {
        const auto until =
            std::chrono::ceil<std::chrono::milliseconds>(deadlines_.begin()->first - now());
        wait = std::clamp(until, std::chrono::milliseconds{0}, longest);
    }
    (void)poll(&waiting, 1, static_cast<int>(wait.count()));
    const Instant at = now();
    const auto take_one = [&](const plane::Arrival& arrival) { take(arrival, at); };
    while (socket_.receive(buffers_, take_one).more) {}
    if ((waiting.revents & POLLERR) != 0) {
        socket_.take_errors([](const plane::NetworkError&) {});
    }
    while (!deadlines_.empty() && deadlines_.begin()->first <= at) {
        const std::size_t index = deadlines_.begin()->second;
        deadlines_.erase(deadlines_.begin());
        armed_[index] = {};
        carry_out(index, engines_[index]->tick(at));
    }
}

void Clients::take(const plane::Arrival& arrival, Instant at) {
    for (std::size_t from = 0; from < arrival.octets.size(); from += arrival.stride) {
        ByteView one =
            arrival.octets.subspan(from, std::min(arrival.stride, arrival.octets.size() - from));
        if (one.size() < plane::non_esp_marker_octets + ike_header_octets) { continue; }
        // One socket for both ports of the peer: no SPI begins like the marker.
        constexpr std::array<std::uint8_t, plane::non_esp_marker_octets> marker{};
        const bool marked = std::ranges::equal(one.first(marker.size()), marker);
        if (marked) { one = one.subspan(marker.size()); }
        const auto owner = by_spi_.find(key_of(one));
        if (owner == by_spi_.end()) { continue; }
        ike::Datagram datagram{.local = {wanted_.local.address, wanted_.local.port},
                               .remote = arrival.remote,
                               .non_esp_marker = marked,
                               .bytes = to_bytes(one)};
        carry_out(owner->second, engines_[owner->second]->handle(std::move(datagram), at));
    }
}

void Clients::carry_out(std::size_t index, ike::Actions actions) {
    for (ike::Action& action : actions) {
        if (const auto* transmit = std::get_if<ike::Transmit>(&action)) {
            const ike::Datagram& datagram = transmit->datagram;
            by_spi_.emplace(key_of(datagram.bytes), index);
            Bytes marked(datagram.non_esp_marker ? plane::non_esp_marker_octets : 0);
            append(marked, datagram.bytes);
            (void)socket_.send(marked, wanted_.local, datagram.remote, {});
        } else if (const auto* done = std::get_if<ike::CommandDone>(&action)) {
            if (done->status) {
                ++progress_.up;
                continue;
            }
            ++progress_.failed;
            if (progress_.first_failure.empty()) {
                progress_.first_failure = explain(done->status.error());
            }
        } else if (const auto* event = std::get_if<ike::Event>(&action)) {
            if (event->kind == ike::EventKind::retransmit) { ++progress_.retransmits; }
            if (event->kind == ike::EventKind::ike_down) { ++progress_.lost; }
        }
    }
    arm(index);
}

void Clients::arm(std::size_t index) {
    const auto next = engines_[index]->next_deadline();
    const Instant wanted = next.value_or(Instant{});
    if (armed_[index] == wanted) { return; }
    if (armed_[index] != Instant{}) { deadlines_.erase({armed_[index], index}); }
    armed_[index] = wanted;
    if (next) { deadlines_.emplace(*next, index); }
}

}  // namespace culvert::load
