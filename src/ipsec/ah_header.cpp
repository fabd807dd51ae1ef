// Which parts of an IP header AH covers (RFC 4302 3.3.3.1 and appendix A).

#include <algorithm>
#include <cstring>

#include "ipsec/ah.hpp"
#include "ipsec/header_fields.hpp"

namespace culvert::ipsec {
namespace {

// Options that arrive as they were sent (RFC 4302 A1): security, extended and commercial security,
// router alert, multi-destination delivery. All others count as changing.
bool arrives_unchanged(std::uint8_t option) {
    switch (option) {
        case 130:
        case 133:
        case 134:
        case 148:
        case 149: return true;
        default: return false;
    }
}

bool source_route(std::uint8_t option) { return option == 131 || option == 137; }

bool immutable_v4_options(MutableByteView header) {
    std::size_t at = 20;
    while (at < header.size()) {
        const std::uint8_t option = header[at];
        if (option == 0) { break; }
        if (option == 1) {
            ++at;
            continue;
        }
        const std::size_t left = header.size() - at;
        if (left < 2 || header[at + 1] < 2 || header[at + 1] > left) { return false; }
        const std::size_t size = header[at + 1];
        if (source_route(option)) {
            if (size < 7 || (size - 3) % 4 != 0) { return false; }
            // While it is followed, the last address of the route is where it ends (RFC 791 3.1).
            if (header[at + 2] <= size) {
                std::copy_n(header.begin() + static_cast<std::ptrdiff_t>(at + size - 4), 4,
                            header.begin() + 16);
            }
        }
        if (!arrives_unchanged(option)) {
            std::ranges::fill(header.subspan(at, size), std::uint8_t{0});
        }
        at += size;
    }
    return true;
}

bool immutable_v4(MutableByteView header) {
    if (header.size() < 20 || (header[0] & 0x0fU) * 4U != header.size()) { return false; }
    header[1] = 0;           // DSCP and ECN
    set_u16(header, 6, 0);   // flags and fragment offset
    header[8] = 0;           // TTL
    set_u16(header, 10, 0);  // checksum
    return immutable_v4_options(header);
}

// Option data that may change en route is zero; type and length are not (RFC 4302 3.3.3.1.2.2).
bool immutable_v6_options(MutableByteView options) {
    constexpr std::uint8_t changes_en_route = 0x20;  // RFC 8200 4.2
    std::size_t at = 2;
    while (at < options.size()) {
        if (options[at] == 0) {  // Pad1
            ++at;
            continue;
        }
        const std::size_t left = options.size() - at;
        if (left < 2 || std::size_t{options[at + 1]} + 2 > left) { return false; }
        const std::size_t size = options[at + 1];
        if ((options[at] & changes_en_route) != 0) {
            std::ranges::fill(options.subspan(at + 2, size), std::uint8_t{0});
        }
        at += 2 + size;
    }
    return true;
}

// Addresses as they are once the route has been followed (RFC 4302 3.3.3.1.2.3): each hop changes
// places with the destination. Type 0 of RFC 2460 4.4, type 2 of RFC 6275 6.4.
bool predict_route(MutableByteView header, MutableByteView route) {
    const std::size_t left = route[3];
    if (left == 0) { return true; }
    const bool known = route[2] == 0 || route[2] == 2;
    const std::size_t addresses = route[1] / 2U;
    if (!known || route[1] % 2U != 0 || left > addresses) { return false; }
    route[3] = 0;
    std::uint8_t* const first = route.data() + 8 + 16 * (addresses - left);
    std::array<std::uint8_t, 16> last;
    std::memcpy(last.data(), first + 16 * (left - 1), 16);
    std::memmove(first + 16, first, 16 * (left - 1));
    std::memcpy(first, header.data() + 24, 16);
    std::memcpy(header.data() + 24, last.data(), 16);
    return true;
}

bool immutable_v6(MutableByteView header) {
    if (header.size() < 40) { return false; }
    set_u32(header, 0, 6U << 28U);  // traffic class and flow label
    header[7] = 0;                  // hop limit
    std::uint8_t next = header[6];
    std::size_t at = 40;
    while (at < header.size()) {
        if (header.size() - at < 8) { return false; }
        const std::size_t size = (header[at + 1] + 1U) * 8U;
        if (size > header.size() - at) { return false; }
        const MutableByteView extension = header.subspan(at, size);
        bool good = false;  // fragment headers never see AH; others are not known
        if (next == 0 || next == 60) { good = immutable_v6_options(extension); }
        if (next == 43) { good = predict_route(header, extension); }
        if (!good) { return false; }
        next = extension[0];
        at += size;
    }
    return next == protocol_ah;
}

}  // namespace

bool immutable_header(ByteView header, MutableByteView out) {
    if (header.empty() || out.size() != header.size()) { return false; }
    std::ranges::copy(header, out.begin());
    switch (out[0] >> 4U) {
        case 4: return immutable_v4(out);
        case 6: return immutable_v6(out);
        default: return false;
    }
}

}  // namespace culvert::ipsec
