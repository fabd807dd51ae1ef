#include "ike/v2/known_chains.hpp"

#include <utility>

#include "base/assert.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

const KnownChains::Chain* KnownChains::find(ByteView leaf_der) {
    const auto found = by_leaf_.find(as_text(leaf_der));
    if (found == by_leaf_.end()) { return nullptr; }
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->chain;
}

void KnownChains::keep(const Chain& chain) {
    ASSERT(!chain.empty());
    Bytes leaf_der = chain.front().der();
    if (const auto found = by_leaf_.find(as_text(leaf_der)); found != by_leaf_.end()) {
        found->second->chain = chain;
        return;
    }
    if (entries_.size() == known_chains_max) {
        by_leaf_.erase(as_text(entries_.back().leaf_der));
        entries_.pop_back();
    }
    entries_.push_front({.leaf_der = std::move(leaf_der), .chain = chain});
    by_leaf_.emplace(as_text(entries_.front().leaf_der), entries_.begin());
}

}  // namespace culvert::ike::v2
