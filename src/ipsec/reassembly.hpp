#pragma once
// Puts outer packets together again before they are decrypted (RFC 4303 3.4.1), for planes whose
// kernel does not. Memory is bounded in every direction a stranger could pull it; a set with an
// overlap is refused whole (RFC 5722 3, RFC 8200 4.5), for IPv4 too.

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/bytes.hpp"
#include "base/instant.hpp"
#include "base/ip.hpp"
#include "ipsec/drop_reason.hpp"
#include "ipsec/limits.hpp"
#include "ipsec/packet.hpp"

namespace culvert::ipsec {

class Reassembler {
 public:
    struct Limits {
        std::size_t sets = reassembly_sets_max;
        std::size_t sets_a_source = reassembly_sets_a_source_max;
        std::size_t octets = reassembly_octets_max;
        std::size_t pieces = reassembly_pieces_max;
        Duration age = reassembly_age_max;
    };

    Reassembler() = default;
    explicit Reassembler(const Limits& limits) : limits_(limits) {}

    struct Taken {
        // none with an empty packet: kept, or an exact duplicate. reassembly_overlap,
        // reassembly_limit or inbound_ecn (RFC 3168 5.3): the whole set is gone.
        DropReason dropped = DropReason::none;
        Bytes packet;  // the whole packet, once the last piece is there
    };
    // `info` is parse_packet() of `packet`, and info.fragment is set.
    Taken take(ByteView packet, const PacketInfo& info, Instant now);

    // Sets that are too old go; how many of them were no tombstones (each counts as
    // reassembly_limit).
    std::size_t expire(Instant now);
    // Sets that had to make room for others since the last call.
    std::size_t take_evicted();

    std::size_t sets() const { return sets_.size(); }
    std::size_t octets() const { return octets_; }

 private:
    struct Key {
        IpAddress source;
        IpAddress destination;
        std::uint32_t identification = 0;
        std::uint8_t protocol = 0;  // IPv4 (RFC 791 3.2); 0 with IPv6
        auto operator<=>(const Key&) const = default;
    };
    struct Piece {
        std::uint32_t offset = 0;
        Bytes octets;
        std::uint32_t end() const { return offset + static_cast<std::uint32_t>(octets.size()); }
    };
    struct Set {
        Instant since;
        bool refused = false;  // a tombstone: what comes late of an overlapping set goes as well
        std::vector<Piece> pieces;  // by offset
        std::uint32_t size = 0;     // of the data; 0: the last piece has not come
        std::uint32_t together = 0;
        std::size_t charged = 0;
        Bytes header;                    // of the first piece, without fragment header
        std::size_t next_header_at = 0;  // in `header`
        std::uint8_t next_header = 0;
        std::uint8_t ecn_seen = 0;  // one bit a code point
    };
    using Sets = std::map<Key, Set>;
    // What one fragment says of itself.
    struct Fragment {
        Key key;
        std::uint32_t offset = 0;
        bool more = false;
        ByteView data;
        Bytes header;
        std::size_t next_header_at = 0;
        std::uint8_t next_header = 0;
    };

    static bool read(ByteView packet, const PacketInfo& info, Fragment& out);
    static bool read_v6(ByteView packet, Fragment& out);
    Set& set_of(const Key& key, Instant now);
    void make_room(const Key& key);
    void evict_oldest(const IpAddress* source);
    Taken refuse(Set& set, DropReason reason);
    // False: overlaps, or contradicts what is known of the end.
    static bool fits(const Set& set, const Fragment& fragment);
    static bool is_duplicate(const Set& set, const Fragment& fragment);
    void insert(Set& set, Fragment& fragment);
    Taken join(Sets::iterator at);

    Limits limits_;
    Sets sets_;
    std::size_t octets_ = 0;
    std::size_t evicted_ = 0;
};

}  // namespace culvert::ipsec
