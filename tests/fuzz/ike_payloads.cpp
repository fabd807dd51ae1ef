// One payload: the first octet is its type, the second the flags and "next payload" at once, the
// rest its body. Proposals are then chosen from, identities and selectors put into words.

#include "fuzz/property.hpp"
#include "ike/proposal/proposal.hpp"
#include "ike/wire/payload.hpp"

namespace {

using namespace culvert;
using namespace culvert::ike;
using namespace culvert::ike::wire;

void use(const SecurityAssociation& sa) {
    for (const auto protocol : {ProtocolId::ike, ProtocolId::esp, ProtocolId::ah}) {
        const Proposals ours = default_proposals(protocol);
        const auto chosen = choose(ours, sa.proposals, "gw", true);
        if (!chosen) {
            FUZZ_CLAIM(!chosen.error().remedy.empty());
            continue;
        }
        // What we answer must be an answer to us, too.
        const auto checked = check_answer(ours, {chosen->proposal}, true);
        FUZZ_CLAIM(checked && checked->ike == chosen->ike && checked->ipsec == chosen->ipsec);
    }
}

void use(const Identity& identity) {
    for (const char c : identity.to_string()) { FUZZ_CLAIM(c >= 0x20 && c < 0x7f); }
    FUZZ_CLAIM(identity.matches(identity));
    FUZZ_CLAIM(identity.matches(Identity{}));
}

void use(const TrafficSelectors& selectors) {
    const TrafficSelectors all{TrafficSelector::of(IpRange::everything(IpFamily::v4)),
                               TrafficSelector::of(IpRange::everything(IpFamily::v6))};
    const TrafficSelectors narrowed = narrow(all, selectors);
    for (const TrafficSelector& one : selectors) { FUZZ_CLAIM(contains(narrowed, one)); }
    (void)to_string(selectors);
}

void use(const Payload& payload) {
    if (const auto* sa = std::get_if<SecurityAssociation>(&payload)) { use(*sa); }
    if (const auto* id = std::get_if<IdInitiator>(&payload)) { use(id->identity); }
    if (const auto* ts = std::get_if<TsInitiator>(&payload)) { use(ts->selectors); }
    if (const auto* gone = std::get_if<Delete>(&payload)) { (void)gone->esp_spis(); }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) { return 0; }
    const auto type = static_cast<PayloadType>(data[0]);
    const bool critical = (data[1] & 0x80U) != 0;
    const auto next = static_cast<PayloadType>(data[1] & 0x7fU);
    const ByteView body{data + 2, size - 2};
    const auto payload = parse_payload(type, critical, next, body);
    if (!payload) {
        FUZZ_CLAIM(!payload.error().notify);
        return 0;
    }
    Writer out;
    write_body(*payload, out);
    FUZZ_CLAIM(out.size() == body.size());
    const auto again = parse_payload(type, critical, next, out.view());
    const auto* id = std::get_if<IdInitiator>(&*payload);
    const auto* other_id = std::get_if<IdResponder>(&*payload);
    // RESERVED of an ID is kept for AUTH but not written.
    const bool reserved =
        (id != nullptr && id->reserved != 0) || (other_id != nullptr && other_id->reserved != 0);
    FUZZ_CLAIM(again && (reserved || *again == *payload));
    use(*payload);
    return 0;
}
