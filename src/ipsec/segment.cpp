#include "ipsec/segment.hpp"

#include <algorithm>
#include <cstring>

#include "ipsec/checksum.hpp"
#include "ipsec/header_fields.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::size_t header_copied_at_once = 64;
constexpr std::size_t tcp_checksum_at = 16;
constexpr std::size_t udp_checksum_at = 6;
constexpr std::uint16_t tcp_fin = 0x01;
constexpr std::uint16_t tcp_psh = 0x08;
constexpr std::uint16_t tcp_cwr = 0x80;

void zero_u16(MutableByteView header, std::size_t at) { set_u16(header, at, 0); }

}  // namespace

bool Segments::begin(ByteView packet, const PacketInfo& info, std::size_t segment_size) {
    packet_ = packet.first(info.total_size);
    info_ = &info;
    segment_size_ = segment_size;
    transport_at_ = info.header_size;
    if (segment_size == 0 || info.fragment) { return false; }
    tcp_ = info.protocol == protocol_tcp;
    if (tcp_ ? !begin_tcp(info) : !begin_udp(info)) { return false; }
    if (packet_.size() <= header_size_) { return false; }
    const std::size_t payload = packet_.size() - header_size_;
    count_ = (payload + segment_size - 1) / segment_size;
    if (info.family == IpFamily::v4) {
        const MutableByteView header{header_.data(), transport_at_};
        zero_u16(header, 2);
        zero_u16(header, 4);
        zero_u16(header, 10);
        ip_sum_ = internet_sum(header);
    }
    return true;
}

bool Segments::begin_tcp(const PacketInfo& info) {
    if (packet_.size() < transport_at_ + 20) { return false; }
    const std::size_t tcp_size = std::size_t{packet_[transport_at_ + 12]} >> 4U << 2U;
    header_size_ = transport_at_ + tcp_size;
    if (tcp_size < 20 || header_size_ > super_header_max || header_size_ > packet_.size()) {
        return false;
    }
    std::copy_n(packet_.begin(), header_size_, header_.begin());
    const MutableByteView tcp{header_.data() + transport_at_, tcp_size};
    const std::uint16_t pseudo =
        without(get_u16(tcp, tcp_checksum_at),
                static_cast<std::uint16_t>(info.total_size - info.header_size));
    zero_u16(tcp, 4);
    zero_u16(tcp, 6);
    zero_u16(tcp, 12);
    zero_u16(tcp, tcp_checksum_at);
    transport_sum_ = fold(std::uint32_t{internet_sum(tcp)} + pseudo);
    return true;
}

bool Segments::begin_udp(const PacketInfo& info) {
    header_size_ = transport_at_ + 8;
    if (info.protocol != protocol_udp || header_size_ > super_header_max ||
        header_size_ > packet_.size()) {
        return false;
    }
    std::copy_n(packet_.begin(), header_size_, header_.begin());
    const MutableByteView udp{header_.data() + transport_at_, 8};
    const std::uint16_t pseudo =
        without(get_u16(udp, udp_checksum_at),
                static_cast<std::uint16_t>(info.total_size - info.header_size));
    zero_u16(udp, 4);
    zero_u16(udp, udp_checksum_at);
    transport_sum_ = fold(std::uint32_t{internet_sum(udp)} + pseudo);
    return true;
}

std::size_t Segments::payload_size(std::size_t index) const {
    const std::size_t at = header_size_ + index * segment_size_;
    return std::min(segment_size_, packet_.size() - at);
}

std::size_t Segments::size(std::size_t index) const { return header_size_ + payload_size(index); }

PacketInfo Segments::info(std::size_t index) const {
    PacketInfo out = *info_;
    out.total_size = static_cast<std::uint32_t>(size(index));
    if (out.family == IpFamily::v4) {
        out.identification = static_cast<std::uint16_t>(out.identification + index);
    }
    return out;
}

void Segments::write_ip(std::size_t index, MutableByteView header) const {
    const auto total = static_cast<std::uint16_t>(size(index));
    if (info_->family == IpFamily::v6) {
        set_u16(header, 4, static_cast<std::uint16_t>(total - 40));
        return;
    }
    const auto identification = static_cast<std::uint16_t>(info_->identification + index);
    set_u16(header, 2, total);
    set_u16(header, 4, identification);
    set_u16(header, 10,
            static_cast<std::uint16_t>(
                ~fold(std::uint32_t{ip_sum_} + std::uint32_t{total} + identification)));
}

void Segments::write(std::size_t index, std::uint8_t* out) const {
    const std::size_t payload = payload_size(index);
    // A copy of fixed size is a few instructions; what it writes too much the payload covers.
    if (header_size_ <= header_copied_at_once && payload >= header_copied_at_once) {
        std::memcpy(out, header_.data(), header_copied_at_once);
    } else {
        std::memcpy(out, header_.data(), header_size_);
    }
    write_ip(index, {out, transport_at_});
    const std::uint16_t payload_sum = copy_and_sum(
        packet_.subspan(header_size_ + index * segment_size_, payload), out + header_size_);
    const MutableByteView transport{out + transport_at_, header_size_ - transport_at_};
    const auto length = static_cast<std::uint16_t>(transport.size() + payload);
    std::uint32_t sum = std::uint32_t{transport_sum_} + payload_sum + length;
    if (!tcp_) {
        set_u16(transport, 4, length);
        const auto checksum = static_cast<std::uint16_t>(~fold(sum + length));
        // RFC 768: zero would say that there is none.
        set_u16(transport, udp_checksum_at, checksum == 0 ? std::uint16_t{0xffff} : checksum);
        return;
    }
    const ByteView original = packet_.subspan(transport_at_);
    const auto sequence = get_u32(original, 4) + static_cast<std::uint32_t>(index * segment_size_);
    std::uint16_t flags = get_u16(original, 12);
    // The first segment says that the window was reduced (RFC 3168 6.1.2), the last one that there
    // is no more.
    if (index != 0) { flags = static_cast<std::uint16_t>(flags & ~tcp_cwr); }
    if (index + 1 != count_) { flags = static_cast<std::uint16_t>(flags & ~(tcp_fin | tcp_psh)); }
    set_u32(transport, 4, sequence);
    set_u16(transport, 12, flags);
    sum += (sequence >> 16U) + (sequence & 0xffffU) + flags;
    set_u16(transport, tcp_checksum_at, static_cast<std::uint16_t>(~fold(sum)));
}

bool complete_checksum(MutableByteView packet, std::size_t start, std::size_t offset) {
    const std::size_t at = start + offset;
    if (at + 2 > packet.size()) { return false; }
    auto checksum = static_cast<std::uint16_t>(~internet_sum(packet.subspan(start)));
    // UDP only: there zero would say that there is none, and for the others the two mean the same.
    if (checksum == 0) { checksum = 0xffff; }
    set_u16(packet, at, checksum);
    return true;
}

}  // namespace culvert::ipsec
