#include "plane/user/ah_sender.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include "ipsec/fragment.hpp"
#include "ipsec/header_fields.hpp"
#include "ipsec/limits.hpp"
#include "plane/host_addresses.hpp"

namespace culvert::plane {

void AhSender::number(ipsec::EncapJob& job, MutableByteView packet, const ipsec::PacketInfo& info) {
    identification_ = static_cast<std::uint16_t>(next_number());
    if (identification_ == 0) { identification_ = static_cast<std::uint16_t>(next_number()); }
    job.identification = identification_;
    if (info.family == IpFamily::v4 && info.identification == 0 && !info.dont_fragment &&
        !info.fragment) {
        ipsec::set_u16(packet, 4, identification_);
        ipsec::set_ipv4_checksum(packet.first(info.header_size));
    }
}

std::uint32_t AhSender::next_number() const {
    return shared_.identification->fetch_add(1, std::memory_order_relaxed) + 1;
}

int AhSender::send(const ipsec::OutboundSa& sa, const ipsec::EncapJob& job) {
    std::array<std::uint8_t, ipsec::ah_outer_header_max> header;
    const std::size_t size = ipsec::build_outer_header(sa, job, job.identification, header);
    if (size == 0) { return EINVAL; }
    packet_.assign(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(size));
    append(packet_, ByteView{job.out}.first(job.size));
    const IpAddress& remote = sa.endpoints().remote.address;
    const std::uint32_t path_mtu = sa.path_mtu();
    const bool whole = job.outer.dont_fragment || path_mtu == 0 || packet_.size() <= path_mtu;
    if (!whole) { return send_in_fragments(remote, path_mtu); }
    const int error = shared_.raw.send_clear(packet_, remote);
    if (error != EMSGSIZE || job.outer.dont_fragment) { return error; }
    const auto routed = routed_mtu(remote, shared_.mark);
    return routed ? send_in_fragments(remote, *routed) : error;
}

int AhSender::send_in_fragments(const IpAddress& remote, std::uint32_t mtu) {
    int error = 0;
    const bool cut = ipsec::fragment(packet_, mtu, next_number(), [&](ByteView piece) {
        const int failed = shared_.raw.send_clear(piece, remote);
        if (failed != 0) { error = failed; }
    });
    return cut ? error : EMSGSIZE;
}

}  // namespace culvert::plane
