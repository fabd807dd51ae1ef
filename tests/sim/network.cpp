#include "sim/network.hpp"

#include <utility>

namespace culvert::sim {

namespace {

// FNV-1a: two runs that sent the same octets have the same sum.
std::uint64_t digest_of(const Bytes& bytes) {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const std::uint8_t octet : bytes) { hash = (hash ^ octet) * 0x100000001b3U; }
    return hash;
}

}  // namespace

void Network::put_behind_nat(const IpAddress& inside, const IpAddress& outside) {
    nats_[inside] = Nat{.outside = outside, .ports = {}, .back = {}};
}

void Network::rebind(const IpAddress& inside) {
    if (const auto nat = nats_.find(inside); nat != nats_.end()) {
        nat->second.ports.clear();
        nat->second.back.clear();
        ++tally_["nat_rebound"];
    }
}

bool Network::translate_out(ike::Datagram& datagram) {
    const auto found = nats_.find(datagram.local.address);
    if (found == nats_.end()) { return true; }
    Nat& nat = found->second;
    const auto [port, fresh] = nat.ports.try_emplace(datagram.local.port, next_port_);
    if (fresh) {
        nat.back[next_port_] = datagram.local.port;
        ++next_port_;
    }
    datagram.local = {nat.outside, port->second};
    return true;
}

void Network::send(ike::Datagram datagram) {
    ++tally_["sent"];
    tally_["sent_digest"] += digest_of(datagram.bytes);
    if (holds_) {
        held_.push_back(std::move(datagram));
        return;
    }
    const bool cut = !apart_.empty() && apart_.contains(datagram.local.address) !=
                                            apart_.contains(datagram.remote.address);
    if (cut) {
        ++tally_["cut_off"];
        return;
    }
    translate_out(datagram);
    if (random_.chance(conditions_.loss_percent)) {
        ++tally_["lost"];
        return;
    }
    const unsigned copies = random_.chance(conditions_.duplicate_percent) ? 2 : 1;
    if (copies == 2) { ++tally_["duplicated"]; }
    for (unsigned i = 0; i < copies; ++i) {
        ike::Datagram copy = datagram;
        if (random_.chance(conditions_.corrupt_percent)) {
            damage(copy.bytes);
            ++tally_["corrupted"];
        }
        ++under_way_;
        schedule_.after(delay(), [this, copy = std::move(copy)]() mutable {
            --under_way_;
            deliver(std::move(copy));
        });
    }
}

void Network::release() {
    holds_ = false;
    for (ike::Datagram& datagram : std::exchange(held_, {})) { send(std::move(datagram)); }
}

ike::Datagram Network::take_held(std::size_t index) {
    ike::Datagram out = std::move(held_.at(index));
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
    return out;
}

void Network::carry(std::function<void()> what) {
    if (random_.chance(conditions_.loss_percent)) { return; }
    schedule_.after(delay(), std::move(what));
}

// `datagram` as its sender (or the sender's NAT) wrote it: local is where it comes from.
void Network::deliver(ike::Datagram datagram) {
    std::swap(datagram.local, datagram.remote);  // the receiver's point of view
    for (auto& [inside, nat] : nats_) {
        if (nat.outside != datagram.local.address) { continue; }
        const auto port = nat.back.find(datagram.local.port);
        if (port == nat.back.end()) {
            ++tally_["nat_unknown_port"];
            return;
        }
        datagram.local = {inside, port->second};
        break;
    }
    const auto peer = peers_.find(datagram.local.address);
    if (peer != peers_.end()) { peer->second(std::move(datagram)); }
}

void Network::damage(Bytes& bytes) {
    if (bytes.empty()) { return; }
    if (random_.chance(20)) {
        bytes.resize(random_.below(bytes.size()));
        return;
    }
    const auto flips = 1 + random_.below(3);
    for (std::uint64_t i = 0; i < flips; ++i) {
        bytes[random_.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << random_.below(8));
    }
}

Duration Network::delay() {
    const auto spread = (conditions_.delay_max - conditions_.delay_min).count();
    return conditions_.delay_min + Duration{static_cast<std::int64_t>(
                                       random_.below(static_cast<std::uint64_t>(spread) + 1))};
}

}  // namespace culvert::sim
