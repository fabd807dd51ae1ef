// A peer that is authenticated and says anything: the fuzzer knows the keys of an established IKE
// SA and seals what it likes, requests and answers, while commands run and time passes. Needs a
// build with CULVERT_KEY_LOG, where the engine gives the keys out.

#include <array>

#include "base/writer.hpp"
#include "crypto/ike_cipher.hpp"
#include "fuzz/engine_records.hpp"
#include "fuzz/every_log_line.hpp"
#include "fuzz/property.hpp"
#include "ike/wire/message.hpp"
#include "unit/ike/v2/engine_pair.hpp"

namespace {

using namespace culvert;
using namespace culvert::ike;
using namespace culvert::ike::v2;

constexpr unsigned records_max = 24;

// The field of a line of tshark's ikev2_decryption_table.
std::string_view field(std::string_view line, unsigned number) {
    for (; number > 0; --number) { line.remove_prefix(line.find(',') + 1); }
    return line.substr(0, line.find(','));
}

class Insider {
 public:
    Insider() : pair_(gateway_config(1, 2), gateway_config(2, 1)), random_(7) {
        FUZZ_CLAIM(pair_.up(pair_.one).has_value());
        const auto lines = pair_.two.all<KeyLog>();
        FUZZ_CLAIM(!lines.empty());
        const std::string& line = lines.front()->line;
        spis_ = from_hex(std::string{field(line, 0)} + std::string{field(line, 1)}).value();
        cipher_.emplace(crypto::EncryptionAlgorithm::aes_gcm_16, 256,
                        crypto::IntegrityAlgorithm::none,
                        Secret::copy_of(from_hex(field(line, 2)).value()), Secret{});
    }

    void act(const fuzz::Record& record) {
        Side& victim = pair_.two;
        switch (record.what % 8) {
            case 0:
            case 1:
            case 2: return say(record, false);
            case 3:
            case 4: return say(record, true);
            case 5: {
                const bool child = (record.argument & 1U) != 0;
                return take(victim.engine().handle(Rekey{.id = CommandId{++commands_},
                                                         .ike = child ? "" : "gw",
                                                         .child = child ? "net" : ""},
                                                   pair_.now));
            }
            case 6: {
                const bool child = (record.argument & 1U) != 0;
                return take(victim.engine().handle(Terminate{.id = CommandId{++commands_},
                                                             .ike = child ? "" : "gw",
                                                             .child = child ? "net" : ""},
                                                   pair_.now));
            }
            default:
                pair_.now += std::chrono::seconds{record.argument};
                take(victim.engine().tick(pair_.now));
        }
    }

    // Whatever was said: nothing grows without bound, and it ends.
    void end() {
        Side& victim = pair_.two;
        for (const IkeSaStatus& sa : victim.engine().status(pair_.now)) {
            FUZZ_CLAIM(sa.children.size() <= 256);
            FUZZ_CLAIM(sa.tasks_queued.size() <= 256);
        }
        fuzz::write_every_log_line(victim, pair_.now);
        victim.actions.clear();
        take(victim.engine().handle(
            Terminate{.id = CommandId{++commands_}, .ike = "gw", .force = true}, pair_.now));
        for (unsigned i = 0; i < 200 && victim.engine().next_deadline(); ++i) {
            pair_.now = std::max(pair_.now, *victim.engine().next_deadline());
            take(victim.engine().tick(pair_.now));
        }
        FUZZ_CLAIM(victim.engine().status(pair_.now).empty());
    }

 private:
    // The argument: two bits for the exchange, the others shift the message ID off the right one.
    void say(const fuzz::Record& record, bool response) {
        if (record.octets.empty()) { return; }
        constexpr std::array<std::uint8_t, 4> exchanges{36, 37, 35, 34};
        const ByteView inside = record.octets.subspan(1);
        const std::uint32_t shift = static_cast<std::uint32_t>(record.argument >> 2U) % 3;
        const std::uint32_t id = (response ? asked_ : next_id_) + shift;
        Writer out;
        out.bytes(spis_);
        out.u8(46);  // SK
        out.u8(0x20);
        out.u8(exchanges.at(record.argument & 3U));
        out.u8(response ? 0x28 : 0x08);
        out.u32(id);
        const std::size_t body = cipher_->sealed_size(inside.size());
        out.u32(static_cast<std::uint32_t>(32 + body));
        out.u8(record.octets[0]);
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(4 + body));
        const auto sealed = cipher_->seal(out.view(), inside, random_);
        FUZZ_CLAIM(sealed);
        out.bytes(*sealed);
        if (!response && shift == 0) { ++next_id_; }
        take(pair_.two.engine().handle(Datagram{.local = {ip("192.0.2.2"), 500},
                                                .remote = {ip("192.0.2.1"), 500},
                                                .bytes = out.take()},
                                       pair_.now));
    }

    // Reads the victim's own requests for their message IDs.
    void take(Actions actions) {
        pair_.two.take(std::move(actions));
        for (const Datagram& datagram : pair_.two.out) {
            const auto header = wire::parse_header(datagram.bytes);
            FUZZ_CLAIM(header);
            if (!header->flags.response) { asked_ = header->message_id.value(); }
        }
        pair_.two.out.clear();
    }

    EnginePair pair_;
    test::SeededRandom random_;
    Bytes spis_;
    std::optional<crypto::IkeCipher> cipher_;
    std::uint32_t next_id_ = 2;  // IKE_SA_INIT and IKE_AUTH were 0 and 1
    std::uint32_t asked_ = 0;
    std::uint64_t commands_ = 100;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Insider insider;
    Reader in{culvert::ByteView{data, size}};
    for (unsigned n = 0; n < records_max; ++n) {
        const auto record = fuzz::next_record(in);
        if (!record) { break; }
        insider.act(*record);
    }
    insider.end();
    return 0;
}
