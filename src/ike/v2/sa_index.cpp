#include "ike/v2/sa_index.hpp"

#include <functional>

namespace culvert::ike::v2 {

namespace {

std::uint64_t hash_of(ByteView octets) { return std::hash<std::string_view>{}(as_text(octets)); }

std::uint64_t hash_of(const Identity& identity) {
    return hash_of(identity.data) + static_cast<std::uint64_t>(identity.type);
}

std::uint64_t hash_of(const Identity& local, const Identity& remote) {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // so that the two do not cancel out
    return hash_of(local) * odd + hash_of(remote);
}

}  // namespace

SaIndex::Keys SaIndex::keys_of(const SaCore& sa) {
    Keys keys;
    keys[by_identities] = hash_of(sa.local_id, sa.peer());
    keys[by_connection] = std::hash<std::string_view>{}(sa.name());
    keys[by_remote] = hash_of(sa.remote.address.octets());
    return keys;
}

void SaIndex::link(Filed& filed, Kind kind) {
    Filed*& first = first_[kind][filed.keys[kind]];
    filed.links[kind] = {.next = first, .previous = nullptr};
    if (first != nullptr) { first->links[kind].previous = &filed; }
    first = &filed;
}

void SaIndex::unlink(Filed& filed, Kind kind) {
    const auto [next, previous] = filed.links[kind];
    if (next != nullptr) { next->links[kind].previous = previous; }
    if (previous != nullptr) {
        previous->links[kind].next = next;
    } else if (next != nullptr) {
        first_[kind].at(filed.keys[kind]) = next;
    } else {
        first_[kind].erase(filed.keys[kind]);
    }
}

void SaIndex::file(const SaCore& sa) {
    const Keys now = keys_of(sa);
    const auto [found, fresh] = filed_.try_emplace(sa.local_spi);
    Filed& filed = found->second;
    filed.spi = sa.local_spi;
    for (const Kind kind : {by_identities, by_connection, by_remote}) {
        if (!fresh && filed.keys[kind] == now[kind]) { continue; }
        if (!fresh) { unlink(filed, kind); }
        filed.keys[kind] = now[kind];
        link(filed, kind);
    }
}

void SaIndex::remove(IkeSpi local_spi) {
    const auto found = filed_.find(local_spi);
    if (found == filed_.end()) { return; }
    for (const Kind kind : {by_identities, by_connection, by_remote}) {
        unlink(found->second, kind);
    }
    filed_.erase(found);
}

bool SaIndex::is_right_about(const SaCore& sa) const {
    const auto found = filed_.find(sa.local_spi);
    return found != filed_.end() && found->second.keys == keys_of(sa);
}

SaIndex::Found SaIndex::with(Kind kind, Key key) const {
    const auto found = first_[kind].find(key);
    return {found == first_[kind].end() ? nullptr : found->second, kind};
}

SaIndex::Found SaIndex::with_identities(const Identity& local, const Identity& remote) const {
    return with(by_identities, hash_of(local, remote));
}

SaIndex::Found SaIndex::of_connection(std::string_view name) const {
    return with(by_connection, std::hash<std::string_view>{}(name));
}

SaIndex::Found SaIndex::at(const IpAddress& remote) const {
    return with(by_remote, hash_of(remote.octets()));
}

}  // namespace culvert::ike::v2
