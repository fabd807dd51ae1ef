#pragma once
// Virtual addresses given to peers (RFC 7296 3.15): who has which. One book may serve several
// engines; the shell keeps it over restarts.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ip.hpp"
#include "ike/auth/identity.hpp"
#include "ike/connection.hpp"

namespace culvert::ike {

struct LeaseWish {
    Identity identity;                  // authenticated
    std::optional<IpAddress> wanted{};  // what the peer had before, if it says so
    IpAddress holder;                   // where the peer is
};

// What may be given of a pool, in this order over all pools that are asked.
enum class LeaseFrom : std::uint8_t {
    kept,    // what the identity had before
    fresh,   // what nobody had
    others,  // what others had, and do not use
};

// What an engine asks. Each acquire() that gave an address is followed by one release().
class Leases {
 public:
    Leases() = default;
    Leases(const Leases&) = delete;
    Leases& operator=(const Leases&) = delete;
    Leases(Leases&&) = delete;
    Leases& operator=(Leases&&) = delete;
    virtual ~Leases() = default;

    // Nothing when the pool has no such address.
    virtual std::optional<IpAddress> acquire(const Pool& pool, const LeaseWish& wish,
                                             LeaseFrom from) = 0;
    // Nothing when all addresses of the pool are in use.
    std::optional<IpAddress> acquire(const Pool& pool, const LeaseWish& wish) {
        for (const LeaseFrom from : {LeaseFrom::kept, LeaseFrom::fresh, LeaseFrom::others}) {
            if (auto address = acquire(pool, wish, from)) { return address; }
        }
        return std::nullopt;
    }
    virtual void release(const std::string& pool, const IpAddress& address) = 0;
    // Who has this address, acquired and not released, is at another place now.
    virtual void moved(const std::string& pool, const IpAddress& address,
                       const IpAddress& holder) = 0;
};

struct Lease {
    std::string pool;
    IpAddress address;
    Identity identity;
    unsigned users = 0;  // IKE SAs that hold it: two while one reauthenticates, 0: kept for later
    IpAddress holder;    // where the last one was
};

// The leases themselves. An address stays with its identity after release, and goes to somebody
// else only when no other one is left; then the one that was released first goes first.
class LeaseBook : public Leases {
 public:
    // Told of each lease that was made or changed hands (not of releases): what is to be kept.
    using OnChange = std::function<void(const Lease&)>;
    explicit LeaseBook(OnChange on_change = {}) : on_change_(std::move(on_change)) {}

    using Leases::acquire;
    std::optional<IpAddress> acquire(const Pool& pool, const LeaseWish& wish,
                                     LeaseFrom from) override;
    void release(const std::string& pool, const IpAddress& address) override;
    void moved(const std::string& pool, const IpAddress& address, const IpAddress& holder) override;

    // From an earlier run: nobody uses it now.
    void restore(const std::string& pool, const IpAddress& address, Identity identity);

    // In order of pool and address.
    std::vector<Lease> leases() const;
    std::size_t online(const std::string& pool) const;
    std::size_t offline(const std::string& pool) const;

 private:
    using Owner = std::pair<IdType, Bytes>;
    struct Entry {
        Identity identity;
        unsigned users = 0;
        IpAddress holder;
        std::uint64_t released = 0;  // key in `offline`; with users 0 only
    };
    struct Book {
        std::map<IpAddress, Entry> entries;
        std::multimap<Owner, IpAddress> of;
        std::map<std::uint64_t, IpAddress> offline;
        std::optional<IpAddress> next;  // where the search for a fresh one goes on
    };
    static Owner owner_of(const Identity& identity) { return {identity.type, identity.data}; }
    std::optional<IpAddress> known(Book& book, const Pool& pool, const LeaseWish& wish);
    std::optional<IpAddress> fresh(Book& book, const Pool& pool, const LeaseWish& wish);
    std::optional<IpAddress> taken_over(Book& book, const Pool& pool);
    // Pools may overlap, or one of another name may have taken the place of one with leases.
    bool in_use_elsewhere(const Book& mine, const IpAddress& address) const;
    void give(Book& book, const Pool& pool, const IpAddress& address, const LeaseWish& wish);

    OnChange on_change_;
    std::map<std::string, Book> books_;
    std::uint64_t releases_ = 0;
};

}  // namespace culvert::ike
