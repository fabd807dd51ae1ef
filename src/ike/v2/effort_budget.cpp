#include "ike/v2/effort_budget.hpp"

#include <algorithm>

#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

unsigned effort_of(crypto::KeMethod method) {
    using enum crypto::KeMethod;
    switch (method) {
        case none: return 0;
        case modp768:
        case modp1024:
        case modp1024s160:
        case ecp384:
        case ecp384bp:
        case ecp512bp: return 8;
        case modp1536:
        case modp2048s224:
        case modp2048s256:
        case modp2048:
        case ecp521:
        case curve448: return 16;
        case modp3072: return 32;
        case modp4096: return 64;
        case modp6144: return 192;
        case modp8192: return 384;
        default: return 1;
    }
}

bool EffortBudget::spend(unsigned effort, Instant now) {
    const Duration cost = Duration{seconds{effort}} / effort_per_second;
    const Duration whole = Duration{seconds{effort_at_once}} / effort_per_second;
    const Instant after = std::max(whole_at_, now) + cost;
    if (after - now > whole) { return false; }
    whole_at_ = after;
    return true;
}

}  // namespace culvert::ike::v2
