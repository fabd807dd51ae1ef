// What is sent once more, request or answer: as it was, or in smaller pieces (RFC 7383).

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "ike/v2/ike_sa.hpp"

namespace culvert::ike::v2 {

// True if it was a ticket, which a gateway that lost its keys may not answer at all, and the
// handshake has begun anew.
bool IkeSa::send_again(const Environment& env) {
    const bool cuts = requests_.tries() == cut_smaller_after && core_.outbound.has_value();
    auto smaller = cuts ? cut_smaller(requests_.message(), *core_.outbound, env) : std::nullopt;
    env.event(core_, EventKind::retransmit, Severity::info,
              fmt::format("no answer from {} yet: sending request {} once more{} ({} of {})",
                          core_.remote.to_string(), requests_.next_id().value() - 1,
                          smaller ? ", in smaller pieces" : "", requests_.tries(),
                          env.settings().retransmit.tries));
    if (requests_.tries() >= resume_tries_max && resume_in_vain(env)) { return true; }
    if (smaller) { requests_.recut(std::move(*smaller)); }
    transmit(requests_.message(), env);
    return false;
}

// RFC 7383 2.5.1: what comes through in no try may be too long for the path. The same message in
// pieces that every path should carry; nothing if it is in such pieces already.
std::optional<MessageBytes> IkeSa::cut_smaller(const MessageBytes& message,
                                               crypto::IkeCipher& cipher,
                                               const Environment& env) const {
    if (!core_.peer_takes_fragments || core_.on_tcp()) { return std::nullopt; }
    const std::size_t packet = core_.remote.address.is_v4() ? small_packet_v4 : small_packet_v6;
    const std::size_t size = packet - fragment_headers;
    const bool small =
        std::ranges::all_of(message, [&](const Bytes& piece) { return piece.size() <= size; });
    if (small) { return std::nullopt; }
    auto pieces = wire::cut_again(message, size, cipher, env.random());
    // Under keys that are no more, say: then as it was.
    return pieces ? std::optional{std::move(*pieces)} : std::nullopt;
}

// The peer has not had our answer, or has asked again before it came.
void IkeSa::answer_again(const Datagram& datagram, const Environment& env) {
    if (responses_.repeated() == cut_smaller_after) {
        auto* const half = std::get_if<HalfOpen>(&state_);
        const bool before = half != nullptr && half->answered_before;
        auto& cipher = before ? *half->answered_before : *core_.outbound;
        if (auto smaller = cut_smaller(responses_.last_response(), cipher, env)) {
            responses_.recut(std::move(*smaller));
        }
    }
    transmit_to(responses_.last_response(), datagram, env);
}

}  // namespace culvert::ike::v2
