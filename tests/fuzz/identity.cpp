// Identities as text: whatever is accepted has a printable form and matches itself.

#include "ike/auth/identity.hpp"

#include "fuzz/property.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace culvert;
    using namespace culvert::ike;
    const auto identity = Identity::parse(as_text({data, size}));
    if (!identity) {
        (void)explain(identity.error());
        return 0;
    }
    for (const char c : identity->to_string()) { FUZZ_CLAIM(c >= 0x20 && c < 0x7f); }
    FUZZ_CLAIM(identity->matches(*identity));
    return 0;
}
