// A datagram from a stranger: headers of both versions, whole IKEv2 messages, and the same octets
// as the contents of SK.

#include <algorithm>

#include "fuzz/property.hpp"
#include "ike/wire/message.hpp"
#include "support/seeded_random.hpp"

namespace {

using namespace culvert;
using namespace culvert::ike::wire;

crypto::IkeCipher known_cipher() {
    return {crypto::EncryptionAlgorithm::aes_gcm_16, 128, crypto::IntegrityAlgorithm::none,
            Secret{20}, Secret{}};
}

// RESERVED of an ID is kept for AUTH but not written.
bool has_reserved(const Payloads& payloads) {
    return std::ranges::any_of(payloads, [](const Payload& payload) {
        const auto* ours = std::get_if<IdInitiator>(&payload);
        const auto* theirs = std::get_if<IdResponder>(&payload);
        return (ours != nullptr && ours->reserved != 0) ||
               (theirs != nullptr && theirs->reserved != 0);
    });
}

void check_clear(ByteView datagram) {
    const auto message = parse_message(datagram);
    if (!message) {
        (void)explain(message.error());
        return;
    }
    (void)describe(*message);
    (void)unknown_critical(message->payloads);
    const Bytes written = write(message->header, message->payloads);
    FUZZ_CLAIM(written.size() == datagram.size());
    const auto again = parse_message(written);
    FUZZ_CLAIM(again && (has_reserved(message->payloads) || *again == *message));
    FUZZ_CLAIM(!open_message(datagram, known_cipher()));
}

void check_inside(ByteView data) {
    const auto first = static_cast<PayloadType>(data[0]);
    const auto payloads = parse_payloads(first, data.subspan(1));
    if (!payloads) {
        FUZZ_CLAIM(payloads.error().notify == NotifyType::invalid_syntax);
        return;
    }
    const IkeHeader header{.initiator_spi = ike::IkeSpi{1},
                           .responder_spi = ike::IkeSpi{2},
                           .exchange = ExchangeType::informational,
                           .flags = {.initiator = true}};
    test::SeededRandom random{data.size()};
    auto cipher = known_cipher();
    const auto sealed = seal_message(header, *payloads, cipher, random);
    if (!sealed) { return; }  // too long
    const auto opened = open_message(*sealed, known_cipher());
    FUZZ_CLAIM(opened && (has_reserved(*payloads) || opened->payloads == *payloads));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)parse_header({data, size});
    check_clear({data, size});
    if (size > 0) { check_inside({data, size}); }
    return 0;
}
