// What strangers can say to an engine that has no IKE SA with them: any datagrams to a responder,
// any answers to an initiator that waits for IKE_SA_INIT or IKE_AUTH, genuine messages damaged,
// time passing in between.

#include "fuzz/engine_records.hpp"
#include "fuzz/every_log_line.hpp"
#include "fuzz/property.hpp"
#include "unit/ike/v2/engine_pair.hpp"

namespace {

using namespace culvert;
using namespace culvert::ike;
using namespace culvert::ike::v2;

constexpr unsigned records_max = 32;

Datagram from(const char* remote, const char* local, ByteView octets, std::uint16_t port) {
    return {.local = {ip(local), port},
            .remote = {ip(remote), port},
            .non_esp_marker = port != 500,
            .bytes = to_bytes(octets)};
}

// Every datagram costs a bounded number of answers.
void hear(Side& side, Datagram datagram, Instant now) {
    const std::size_t before = side.out.size();
    side.take(side.engine().handle(std::move(datagram), now));
    FUZZ_CLAIM(side.out.size() <= before + 2);
}

// The SPIs of the last message that `side` sent, so that the answer finds its exchange.
Bytes with_spis_of(const Side& side, ByteView octets) {
    Bytes out = to_bytes(octets);
    if (side.out.empty()) { return out; }
    const Bytes& sent = side.out.back().bytes;
    const bool has_responder = std::any_of(sent.begin() + 8, sent.begin() + 16,
                                           [](std::uint8_t octet) { return octet != 0; });
    const std::size_t known = has_responder ? 16 : 8;
    if (out.size() >= known) { std::copy_n(sent.begin(), known, out.begin()); }
    return out;
}

Bytes damaged(Bytes message, ByteView by, std::uint8_t where) {
    const std::size_t start = message.size() * where / 256;
    for (std::size_t i = 0; i < by.size() && start + i < message.size(); ++i) {
        message[start + i] ^= by[i];
    }
    return message;
}

void run(Reader in) {
    EnginePair pair{gateway_config(1, 2), gateway_config(2, 1)};
    pair.one.take(pair.one.engine().handle(
        Initiate{.id = CommandId{1}, .connection = "gw", .child = "net"}, pair.now));
    for (unsigned n = 0; n < records_max; ++n) {
        const auto record = fuzz::next_record(in);
        if (!record) { break; }
        switch (record->what % 6) {
            case 0:  // a stranger, to the responder
                hear(pair.two, from("192.0.2.77", "192.0.2.2", record->octets, 500), pair.now);
                break;
            case 1:  // the configured peer's address, to the responder
                hear(pair.two,
                     from("192.0.2.1", "192.0.2.2", record->octets,
                          (record->argument & 1U) != 0 ? 4500 : 500),
                     pair.now);
                break;
            case 2:  // an answer to the initiator
                hear(pair.one,
                     from("192.0.2.2", "192.0.2.1", with_spis_of(pair.one, record->octets), 500),
                     pair.now);
                break;
            case 3:  // a genuine message, damaged, to the other side
            case 4: {
                const bool to_two = record->what % 6 == 3;
                Side& sender = to_two ? pair.one : pair.two;
                if (sender.out.empty()) { break; }
                Datagram message = sender.out.front();
                std::swap(message.local, message.remote);
                message.bytes = damaged(std::move(message.bytes), record->octets, record->argument);
                hear(to_two ? pair.two : pair.one, std::move(message), pair.now);
                break;
            }
            default:
                pair.now += std::chrono::milliseconds{50} * (1 + record->argument);
                pair.one.take(pair.one.engine().tick(pair.now));
                pair.two.take(pair.two.engine().tick(pair.now));
        }
        FUZZ_CLAIM(pair.two.engine().half_open() <= n + 1);
    }
    for (const Side* side : {&pair.one, &pair.two}) { fuzz::write_every_log_line(*side, pair.now); }
    // Left alone, a stranger leaves nothing behind.
    pair.now += std::chrono::minutes{10};
    for (unsigned i = 0; i < 64; ++i) { pair.two.take(pair.two.engine().tick(pair.now)); }
    FUZZ_CLAIM(pair.two.engine().half_open() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    run(Reader{culvert::ByteView{data, size}});
    return 0;
}
