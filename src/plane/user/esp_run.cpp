#include "plane/user/esp_run.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "crypto/random.hpp"
#include "ipsec/header_fields.hpp"
#include "plane/host_addresses.hpp"
#include "plane/limits.hpp"
#include "plane/user/xdp.hpp"

namespace culvert::plane {
namespace {

constexpr std::size_t room_octets = packet_octets_max + 1 + ipsec::overhead_max;
constexpr std::size_t quoted_max = 1280;
// A device that cannot do checksums refuses runs; routes change, so it is asked again.
constexpr unsigned gso_again_after_ticks = 60;

}  // namespace

EspRun::EspRun(const Shared& shared, unsigned worker, WorkerCounters& counters,
               const FastPaths& wanted, TooBig too_big)
    : shared_(shared),
      worker_(worker),
      counters_(counters),
      too_big_(std::move(too_big)),
      gso_(wanted.udp_gso),
      turn_(shared.turns),
      octets_(std::make_unique_for_overwrite<std::uint8_t[]>(room_octets)) {
    if (!wanted.packet_socket && shared.xdp == nullptr) { return; }
    // Without them everything leaves by the kernel's own sockets.
    auto next_hops = NextHops::open(shared.mark);
    if (!next_hops) { return; }
    next_hops_.emplace(std::move(*next_hops));
    crypto::SystemRandom random;
    std::array<std::uint8_t, 2> first{};
    random.fill(first);
    identification_ = ipsec::get_u16(first, 0);
    if (!wanted.packet_socket) { return; }
    if (auto link = LinkSender::open(shared.mark)) { link_.emplace(std::move(*link)); }
}

std::size_t EspRun::begin(ipsec::OutboundSa& sa, const ipsec::OuterFields& outer, std::size_t size,
                          bool train) {
    const bool joins = count_ != 0 && !closed_ && sa_ == &sa && outer_ == outer &&
                       count_ < udp_segments_max && size_ + size <= udp_payload_max &&
                       (size == stride_ || (size < stride_ && !train)) &&
                       turn_.number_more(sa.id());
    if (!joins) {
        if (count_ != 0) { flush(); }
        take_turn(sa);
    }
    if (count_ == 0) {
        sa_ = &sa;
        outer_ = outer;
        stride_ = size;
    }
    if (size != stride_) { return 1; }
    const std::size_t fit = size_ >= udp_payload_max ? 0 : (udp_payload_max - size_) / size;
    return std::clamp<std::size_t>(fit, 1, udp_segments_max - count_);
}

MutableByteView EspRun::room() const { return {octets_.get() + size_, room_octets - size_}; }

void EspRun::add(std::size_t size) {
    closed_ = size < stride_;
    size_ += size;
    ++count_;
}

void EspRun::remember(ByteView inner, const ipsec::PacketInfo& info) {
    const ByteView quoted = inner.first(std::min(inner.size(), quoted_max));
    inner_.assign(quoted.begin(), quoted.end());
    inner_info_ = info;
}

void EspRun::flush() {
    if (count_ != 0) {
        turn_.wait();
        send();
        count_ = 0;
        size_ = 0;
        closed_ = false;
    }
    turn_.end();
}

void EspRun::take_turn(const ipsec::OutboundSa& sa) {
    if (turn_.numbers(sa.id())) { return; }
    flush();
    turn_.take(sa.id());
}

ipsec::SequenceNumbers EspRun::number(ipsec::OutboundSa& sa, std::size_t count) {
    const ipsec::SequenceNumbers out = ipsec::take_numbers(sa, count);
    turn_.numbered();
    return out;
}

void EspRun::tick() {
    if (gso_off_ticks_ != 0) { --gso_off_ticks_; }
}

void EspRun::send() {
    if (sa_->endpoints().stream != StreamId{}) { return send_by_stream(); }
    const SendOptions options{
        .traffic_class = outer_.traffic_class, .hop_limit = outer_.hop_limit, .stride = stride_};
    const NextHop* const hop = next_hop();
    if (hop != nullptr && send_by_xdp(*hop)) {
        counters_.count(Happening::esp_sends);
        counters_.count(Happening::esp_packets_sent, count_);
        return;
    }
    const bool in_one =
        sa_->endpoints().udp_encap && (count_ == 1 || (gso_ && gso_off_ticks_ == 0));
    if (in_one) {
        const int error = send_in_one(options);
        if (error == 0) {
            counters_.count(Happening::esp_sends);
            counters_.count(Happening::esp_packets_sent, count_);
            return;
        }
        const bool refused = error == EIO || error == EINVAL || error == EMSGSIZE;
        if (count_ == 1 || !refused) {
            failed(error, 0);
            return;
        }
        // A run larger than the path is refused whole; by themselves packets may be fragmented, or
        // tell what is wrong.
        counters_.count(Happening::udp_segmentation_refused);
        if (error == EIO) { gso_off_ticks_ = gso_again_after_ticks; }
    }
    std::size_t sent = 0;
    const int error = send_each(options, hop, sent);
    counters_.count(Happening::esp_sends);
    counters_.count(Happening::esp_packets_sent, sent);
    if (error != 0) { failed(error, sent); }
}

// What has no room is lost, as on any other way.
void EspRun::send_by_stream() {
    const ByteView octets{octets_.get(), size_};
    if (shared_.streams.send_esp(sa_->endpoints().stream, octets, stride_)) {
        counters_.count(Happening::esp_sends);
        counters_.count(Happening::esp_packets_sent, count_);
    } else {
        counters_.count(Happening::esp_send_failed, count_);
    }
}

int EspRun::send_in_one(const SendOptions& options) const {
    const ipsec::SaEndpoints& ends = sa_->endpoints();
    const UdpSocket* socket = sender();
    if (socket == nullptr) { return EAFNOSUPPORT; }
    return socket->send({octets_.get(), size_}, ends.local, ends.remote, options);
}

const UdpSocket* EspRun::sender() const {
    return shared_.carrier.sockets().esp_sender(worker_, sa_->endpoints().remote.address.family(),
                                                outer_.dont_fragment);
}

int EspRun::send_each(const SendOptions& options, const NextHop* hop, std::size_t& sent) {
    const ipsec::SaEndpoints& ends = sa_->endpoints();
    const ByteView octets{octets_.get(), size_};
    if (ends.udp_encap) {
        const UdpSocket* socket = sender();
        if (socket == nullptr) { return EAFNOSUPPORT; }
        return socket->send_each(octets, ends.local, ends.remote, options, sent);
    }
    return send_each_native(options, hop, sent);
}

int EspRun::send_each_native(const SendOptions& options, const NextHop* hop, std::size_t& sent) {
    const IpAddress& local = sa_->endpoints().local.address;
    const IpAddress& remote = sa_->endpoints().remote.address;
    ByteView octets{octets_.get(), size_};
    std::size_t by_link = 0;
    const OuterHeader before = header();
    if (link_ && hop != nullptr && before.fits(before.size() + stride_, *hop)) {
        by_link = link_->send_each(octets, stride_, before, *hop, identification_);
        counters_.count(Happening::esp_packets_by_link, by_link);
        octets = octets.subspan(std::min(octets.size(), by_link * stride_));
        sent = by_link;
        if (octets.empty()) { return 0; }
        next_hops_->forget(local, remote);
    }
    std::size_t by_socket = 0;
    const int error =
        shared_.raw.send_esp_each(octets, local, remote, outer_.dont_fragment, options, by_socket);
    sent = by_link + by_socket;
    return error;
}

// Null: the kernel's own sockets send it.
const NextHop* EspRun::next_hop() {
    const ipsec::SaEndpoints& ends = sa_->endpoints();
    if (!next_hops_ || (ends.udp_encap && shared_.xdp == nullptr)) { return nullptr; }
    const IpAddress& local = ends.local.address;
    if (local.is_any() || local.family() != ends.remote.address.family()) { return nullptr; }
    return next_hops_->find(local, ends.remote.address, boot_time_now());
}

OuterHeader EspRun::header() const {
    const ipsec::SaEndpoints& ends = sa_->endpoints();
    std::optional<UdpPorts> ports;
    if (ends.udp_encap) {
        ports =
            UdpPorts{.local = shared_.carrier.sockets().nat_t_port(), .remote = ends.remote.port};
    }
    return {ends.local.address, ends.remote.address, outer_, ports};
}

bool EspRun::send_by_xdp(const NextHop& hop) {
    if (shared_.xdp == nullptr) { return false; }
    XdpSocket* const socket = shared_.xdp->sender(hop.interface, worker_);
    if (socket == nullptr) { return false; }
    const OuterHeader before = header();
    if (!before.fits(before.size() + stride_, hop)) { return false; }
    if (!socket->send({octets_.get(), size_}, stride_, before, hop, identification_)) {
        counters_.count(Happening::xdp_send_refused, count_);
        return false;
    }
    counters_.count(Happening::esp_packets_by_xdp, count_);
    return true;
}

void EspRun::failed(int error, std::size_t sent) {
    counters_.count(Happening::esp_send_failed, count_ - sent);
    if (error != EMSGSIZE) { return; }
    // The kernel knows a smaller path than we did.
    const IpAddress& remote = sa_->endpoints().remote.address;
    if (const auto mtu = routed_mtu(remote, shared_.mark)) {
        sa_->set_path_mtu(*mtu);
        shared_.path_mtu(remote, *mtu);
    }
    counters_.count(ipsec::DropReason::outbound_too_big, count_ - sent);
    too_big_(*sa_, inner_, inner_info_);
}

}  // namespace culvert::plane
