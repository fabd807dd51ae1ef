#include "ike/v2/sa_index.hpp"

#include <functional>
#include <string_view>

namespace culvert::ike::v2 {

namespace {

std::uint64_t hash_of(ByteView octets) { return std::hash<std::string_view>{}(as_text(octets)); }

std::uint64_t hash_of(const Identity& identity) {
    return hash_of(identity.data) + static_cast<std::uint64_t>(identity.type);
}

}  // namespace

SaIndex::Key SaIndex::key_of(const Identity& local, const Identity& remote) {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15;  // so that the two do not cancel out
    return hash_of(local) * odd + hash_of(remote);
}

SaIndex::Key SaIndex::key_of(std::string_view connection) {
    return std::hash<std::string_view>{}(connection);
}

SaIndex::Key SaIndex::key_of(const IpAddress& remote) { return hash_of(remote.octets()); }

SaIndex::Keys SaIndex::keys_of(const SaCore& sa) {
    return {.identities = key_of(sa.local_id, sa.peer()),
            .connection = key_of(sa.name()),
            .remote = key_of(sa.remote.address)};
}

void SaIndex::file(const SaCore& sa) {
    const Keys now = keys_of(sa);
    const auto [found, fresh] = filed_.try_emplace(sa.local_spi, now);
    if (!fresh && found->second == now) { return; }
    const Keys before = std::exchange(found->second, now);
    const auto move = [&](Table& table, Key from, Key to) {
        if (!fresh && from == to) { return; }
        if (!fresh) { table.erase({from, sa.local_spi}); }
        table.emplace(to, sa.local_spi);
    };
    move(by_identities_, before.identities, now.identities);
    move(by_connection_, before.connection, now.connection);
    move(by_remote_, before.remote, now.remote);
}

void SaIndex::remove(IkeSpi local_spi) {
    const auto found = filed_.find(local_spi);
    if (found == filed_.end()) { return; }
    const Keys keys = found->second;
    by_identities_.erase({keys.identities, local_spi});
    by_connection_.erase({keys.connection, local_spi});
    by_remote_.erase({keys.remote, local_spi});
    filed_.erase(found);
}

bool SaIndex::is_right_about(const SaCore& sa) const {
    const auto found = filed_.find(sa.local_spi);
    return found != filed_.end() && found->second == keys_of(sa);
}

}  // namespace culvert::ike::v2
