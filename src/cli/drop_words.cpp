#include "cli/drop_words.hpp"

#include <algorithm>
#include <array>

namespace culvert::cli {
namespace {

struct Words {
    std::string_view counter;
    std::string_view words;
    std::string_view remedy{};
};

constexpr std::array all = std::to_array<Words>({
    {"outbound_malformed", "out: no IP packet"},
    {"outbound_no_policy", "out: no policy covers it",
     "add its addresses to a child's local_ts and remote_ts, or route it elsewhere"},
    {"outbound_discard", "out: a policy says drop"},
    {"outbound_no_sa", "out: its tunnel is not up", "culvert up NAME, or start_action = trap"},
    {"outbound_selectors", "out: outside what the peer agreed to",
     "compare local_ts and remote_ts with the peer's"},
    {"outbound_sequence_overflow", "out: sequence numbers have run out", "culvert rekey NAME"},
    {"outbound_expired", "out: the SA is past its hard limit",
     "see culvert log for why no rekey came before"},
    {"outbound_too_big", "out: larger than the path takes, and not to be fragmented"},
    {"outbound_no_room", "out: no room for it"},
    {"outbound_crypto", "out: the crypto library refused"},
    {"outbound_fragment", "out: a fragment, where transport mode takes whole packets only"},
    {"outbound_trap_dropped", "out: waited too long for its tunnel, or too many waited"},
    {"inbound_malformed", "in: too short, or of an impossible size"},
    {"inbound_reserved_spi", "in: an SPI below 256"},
    {"inbound_no_sa", "in: an SPI that is not ours",
     "normal for a while after a restart; else the peer uses an SA that is gone: culvert log"},
    {"inbound_fragment", "in: a fragment where a whole packet is needed"},
    {"inbound_replay", "in: a duplicate, or too late for the replay window",
     "raise replay_window if the path reorders much"},
    {"inbound_integrity", "in: its check value is wrong",
     "corrupted on the way, or not from this peer; many of them: compare the ESP suites"},
    {"inbound_expired", "in: the SA is past its hard limit"},
    {"inbound_dummy", "in: dummies that pad the traffic"},
    {"inbound_inner_malformed", "in: no IP packet inside"},
    {"inbound_next_header", "in: neither tunnel nor transport traffic inside"},
    {"inbound_selectors", "in: inside are addresses that the tunnel is not for",
     "compare local_ts and remote_ts with the peer's"},
    {"inbound_ecn", "in: marked as congested though it cannot be (RFC 6040)"},
    {"inbound_no_room", "in: no room for it"},
    {"inbound_must_be_protected", "in: in the clear, where policy wants IPsec",
     "the peer's policies miss this traffic: compare the selectors"},
    {"inbound_discard", "in: in the clear, and a policy says drop"},
    {"inbound_outer_mismatch", "in: ESP for an AH SA, or AH for an ESP SA"},
    {"reassembly_overlap", "in: fragments that overlap (RFC 5722)"},
    {"reassembly_limit", "in: fragments that never became whole"},
});

const Words* find(std::string_view counter) {
    const auto* const found = std::ranges::find(all, counter, &Words::counter);
    return found == all.end() ? nullptr : found;
}

}  // namespace

std::string_view drop_words(std::string_view counter) {
    const Words* const found = find(counter);
    return found == nullptr ? std::string_view{} : found->words;
}

std::string_view drop_remedy(std::string_view counter) {
    const Words* const found = find(counter);
    return found == nullptr ? std::string_view{} : found->remedy;
}

}  // namespace culvert::cli
