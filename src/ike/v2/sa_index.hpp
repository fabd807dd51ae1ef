#pragma once
// Which IKE SAs have these identities, this connection, this peer's address: narrows a search down
// to the few that may be meant, among the thousands of a gateway. It goes by hashes, so whoever
// asks looks at what comes out.

#include <cstdint>
#include <ranges>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "ike/v2/sa_core.hpp"

namespace culvert::ike::v2 {

class SaIndex {
    using Key = std::uint64_t;
    using Table = std::set<std::pair<Key, IkeSpi>>;

    // Its type is deduced, so it has to stand before those who call it.
    static auto with(const Table& table, Key key) {
        const auto end = key == ~Key{0} ? table.end() : table.lower_bound({key + 1, IkeSpi{}});
        return std::ranges::subrange(table.lower_bound({key, IkeSpi{}}), end) | std::views::values;
    }

 public:
    // To be said again whenever one of the three may be another.
    void file(const SaCore& sa);
    void remove(IkeSpi local_spi);
    bool is_right_about(const SaCore& sa) const;
    std::size_t size() const { return filed_.size(); }

    // By our SPI, in no order that says anything.
    auto with_identities(const Identity& local, const Identity& remote) const {
        return with(by_identities_, key_of(local, remote));
    }
    auto of_connection(std::string_view name) const { return with(by_connection_, key_of(name)); }
    auto at(const IpAddress& remote) const { return with(by_remote_, key_of(remote)); }

 private:
    struct Keys {
        Key identities = 0;
        Key connection = 0;
        Key remote = 0;

        friend bool operator==(const Keys&, const Keys&) = default;
    };

    static Key key_of(const Identity& local, const Identity& remote);
    static Key key_of(std::string_view connection);
    static Key key_of(const IpAddress& remote);
    static Keys keys_of(const SaCore& sa);

    std::unordered_map<IkeSpi, Keys> filed_;
    Table by_identities_;
    Table by_connection_;
    Table by_remote_;
};

}  // namespace culvert::ike::v2
