#include "ipsec/drop_reason.hpp"

namespace culvert::ipsec {

std::string_view name(DropReason reason) {
    using enum DropReason;
    switch (reason) {
        case none: return "none";
        case outbound_malformed: return "outbound_malformed";
        case outbound_no_policy: return "outbound_no_policy";
        case outbound_discard: return "outbound_discard";
        case outbound_no_sa: return "outbound_no_sa";
        case outbound_selectors: return "outbound_selectors";
        case outbound_sequence_overflow: return "outbound_sequence_overflow";
        case outbound_expired: return "outbound_expired";
        case outbound_too_big: return "outbound_too_big";
        case outbound_no_room: return "outbound_no_room";
        case outbound_crypto: return "outbound_crypto";
        case outbound_fragment: return "outbound_fragment";
        case inbound_malformed: return "inbound_malformed";
        case inbound_reserved_spi: return "inbound_reserved_spi";
        case inbound_no_sa: return "inbound_no_sa";
        case inbound_fragment: return "inbound_fragment";
        case inbound_replay: return "inbound_replay";
        case inbound_integrity: return "inbound_integrity";
        case inbound_expired: return "inbound_expired";
        case inbound_dummy: return "inbound_dummy";
        case inbound_inner_malformed: return "inbound_inner_malformed";
        case inbound_next_header: return "inbound_next_header";
        case inbound_selectors: return "inbound_selectors";
        case inbound_ecn: return "inbound_ecn";
        case inbound_no_room: return "inbound_no_room";
        case inbound_must_be_protected: return "inbound_must_be_protected";
        case inbound_discard: return "inbound_discard";
        case inbound_outer_mismatch: return "inbound_outer_mismatch";
        case reassembly_overlap: return "reassembly_overlap";
        case reassembly_limit: return "reassembly_limit";
        case count_of_reasons: break;
    }
    return "unknown";
}

}  // namespace culvert::ipsec
