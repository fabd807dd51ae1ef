// swanctl's proposal strings: the first octet chooses the protocol.

#include "fuzz/property.hpp"
#include "ike/proposal/proposal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace culvert;
    using namespace culvert::ike;
    if (size == 0 || size > 4096) { return 0; }
    constexpr ProtocolId protocols[] = {ProtocolId::ike, ProtocolId::ah, ProtocolId::esp};
    const ProtocolId protocol = protocols[data[0] % 3];
    const std::string_view text = as_text({data + 1, size - 1});
    (void)legacy_words(text);
    auto parsed = parse_proposals(protocol, text);
    if (!parsed) {
        FUZZ_CLAIM(!parsed.error().remedy.empty());
        return 0;
    }
    for (Proposal& one : *parsed) {
        if (one.transforms.size() > 40) { continue; }  // is printed in short
        const auto again = parse_proposals(protocol, one.to_string());
        FUZZ_CLAIM(again && again->size() == 1 && again->front().transforms == one.transforms);
        if (protocol != ProtocolId::ike) { one.spi = Bytes(4); }
        FUZZ_CLAIM(choose({one}, {one}, "gw", true));
    }
    return 0;
}
