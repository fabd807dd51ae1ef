#include "ipsec/fragment.hpp"

#include <algorithm>

#include "ipsec/header_fields.hpp"
#include "ipsec/packet.hpp"

namespace culvert::ipsec {
namespace {

constexpr std::uint8_t next_fragment = 44;

// Options without the copied flag go into the first fragment only (RFC 791 3.1).
Bytes later_v4_header(ByteView header) {
    Bytes out(header.begin(), header.begin() + 20);
    std::size_t at = 20;
    while (at < header.size() && header[at] != 0) {
        const bool one_octet = header[at] == 1;
        const std::size_t left = header.size() - at;
        if (!one_octet && (left < 2 || header[at + 1] < 2 || header[at + 1] > left)) { break; }
        const std::size_t size = one_octet ? 1 : header[at + 1];
        if ((header[at] & 0x80U) != 0) { append(out, header.subspan(at, size)); }
        at += size;
    }
    out.resize((out.size() + 3) / 4 * 4);
    out[0] = static_cast<std::uint8_t>(0x40U | out.size() / 4);
    return out;
}

// The data of one fragment: the most that fits, a multiple of 8 unless it is the last.
std::size_t share(std::size_t left, std::size_t room) { return left <= room ? left : room / 8 * 8; }

bool fragment_v4(ByteView packet, const PacketInfo& info, std::uint32_t mtu,
                 const std::function<void(ByteView)>& take) {
    if (info.dont_fragment || mtu < info.header_size + 8U) { return false; }
    Bytes header = to_bytes(packet.first(info.header_size));
    ByteView data = packet.subspan(info.header_size, info.total_size - info.header_size);
    const std::uint16_t before = get_u16(packet, 6);
    const unsigned more = before & 0x2000U;
    std::size_t offset = (before & 0x1fffU) * std::size_t{8};
    const bool first = offset == 0;
    while (true) {
        const std::size_t size = share(data.size(), mtu - header.size());
        Bytes piece = header;
        append(piece, data.first(size));
        data = data.subspan(size);
        set_u16(piece, 2, static_cast<std::uint16_t>(piece.size()));
        set_u16(piece, 6, static_cast<std::uint16_t>((data.empty() ? more : 0x2000U) | offset / 8));
        set_ipv4_checksum(MutableByteView{piece}.first(header.size()));
        take(piece);
        if (data.empty()) { return true; }
        if (first && offset == 0) { header = later_v4_header(header); }
        offset += size;
    }
}

bool fragment_v6(ByteView packet, const PacketInfo& info, std::uint32_t mtu,
                 std::uint32_t identification, const std::function<void(ByteView)>& take) {
    if (mtu < info.header_size + 16U) { return false; }
    Bytes header = to_bytes(packet.first(info.header_size));
    header[info.last_next_header_at] = next_fragment;
    header.resize(header.size() + 8);
    const MutableByteView extension = MutableByteView{header}.subspan(info.header_size);
    extension[0] = info.protocol;
    set_u32(extension, 4, identification);
    ByteView data = packet.subspan(info.header_size, info.total_size - info.header_size);
    for (std::size_t offset = 0; !data.empty();) {
        const std::size_t size = share(data.size(), mtu - header.size());
        Bytes piece = header;
        append(piece, data.first(size));
        data = data.subspan(size);
        set_u16(piece, 4, static_cast<std::uint16_t>(piece.size() - 40));
        set_u16(piece, info.header_size + 2U,
                static_cast<std::uint16_t>(offset | (data.empty() ? 0U : 1U)));
        take(piece);
        offset += size;
    }
    return true;
}

}  // namespace

bool fragment(ByteView packet, std::uint32_t mtu, std::uint32_t identification,
              const std::function<void(ByteView)>& take) {
    PacketInfo info;
    if (!parse_packet(packet, info)) { return false; }
    if (info.fragment && info.family == IpFamily::v6) { return false; }
    return info.family == IpFamily::v4 ? fragment_v4(packet, info, mtu, take)
                                       : fragment_v6(packet, info, mtu, identification, take);
}

}  // namespace culvert::ipsec
