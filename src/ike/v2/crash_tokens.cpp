#include "ike/v2/crash_tokens.hpp"

#include <algorithm>

#include "base/writer.hpp"
#include "crypto/prf.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

using wire::NotifyType;

Bytes crash_token(const Secret& secret, IkeSpi initiator, IkeSpi responder) {
    Writer spis;
    spis.u64(initiator.value());
    spis.u64(responder.value());
    const crypto::Prf prf{crypto::PrfAlgorithm::hmac_sha2_256};
    const Secret whole = prf(secret.reveal(), {spis.view()});
    return to_bytes(whole.reveal().first(crash_token_size));
}

void make_room_for_token(wire::Payloads& request, const SaCore& sa) {
    if (!request.empty() || sa.crash_token.empty()) { return; }
    request.emplace_back(wire::VendorId{.data = Bytes(sa.crash_token.size(), 0)});
}

void add_crash_token(wire::Payloads& out, const SaCore& sa, const Environment& env) {
    const Secret& secret = env.state.crash_secret;
    if (secret.empty()) { return; }
    out.emplace_back(
        wire::Notify{.type = NotifyType::quick_crash_detection,
                     .data = crash_token(secret, sa.initiator_spi(), sa.responder_spi())});
}

void take_crash_token(const wire::Payloads& payloads, SaCore& sa) {
    const auto* notify = wire::find_notify(payloads, NotifyType::quick_crash_detection);
    if (notify == nullptr || notify->data.size() < crash_token_size ||
        notify->data.size() > crash_token_size_max) {
        return;
    }
    sa.crash_token = notify->data;
}

bool shows_loss(const wire::Message& answer, const SaCore& sa) {
    if (sa.crash_token.empty() ||
        wire::find_notify(answer.payloads, NotifyType::invalid_ike_spi) == nullptr) {
        return false;
    }
    unsigned seen = 0;
    return std::ranges::any_of(answer.payloads, [&](const wire::Payload& payload) {
        const auto* notify = std::get_if<wire::Notify>(&payload);
        return notify != nullptr && notify->type == NotifyType::quick_crash_detection &&
               ++seen <= crash_tokens_looked_at_max &&
               constant_time_equal(notify->data, sa.crash_token);
    });
}

}  // namespace culvert::ike::v2
