#include "ike/leases.hpp"

#include "base/assert.hpp"

namespace culvert::ike {

std::optional<IpAddress> LeaseBook::acquire(const Pool& pool, const LeaseWish& wish,
                                            LeaseFrom from) {
    Book& book = books_[pool.name];
    std::optional<IpAddress> address;
    switch (from) {
        case LeaseFrom::kept: address = known(book, pool, wish); break;
        case LeaseFrom::fresh: address = fresh(book, pool, wish); break;
        case LeaseFrom::others: address = taken_over(book, pool); break;
    }
    if (address) { give(book, pool, *address, wish); }
    return address;
}

// What this identity has already: first the address that it wants, then any.
std::optional<IpAddress> LeaseBook::known(Book& book, const Pool& pool, const LeaseWish& wish) {
    std::optional<IpAddress> any;
    const auto [begin, end] = book.of.equal_range(owner_of(wish.identity));
    for (auto at = begin; at != end; ++at) {
        const IpAddress& address = at->second;
        const Entry& entry = book.entries.at(address);
        if (!pool.addresses.contains(address) || in_use_elsewhere(book, address)) { continue; }
        // In use it goes only to the same peer at the same place: it reauthenticates.
        // Who proves nothing (RFC 7619) may be somebody else at that place.
        const bool again = wish.wanted == address && entry.holder == wish.holder &&
                           wish.identity.type != IdType::null;
        if (entry.users > 0 && !again) { continue; }
        if (wish.wanted == address) { return address; }
        if (!any) { any = address; }
    }
    return any;
}

std::optional<IpAddress> LeaseBook::fresh(Book& book, const Pool& pool, const LeaseWish& wish) {
    if (wish.wanted && pool.addresses.contains(*wish.wanted) &&
        !book.entries.contains(*wish.wanted) && !in_use_elsewhere(book, *wish.wanted)) {
        return wish.wanted;
    }
    const IpRange& range = pool.addresses;
    IpAddress at = book.next && range.contains(*book.next) ? *book.next : range.first;
    std::size_t entries = 0;
    for (const auto& [name, one] : books_) { entries += one.entries.size(); }
    // Of as many addresses as there are entries and one more, one has no entry.
    for (std::size_t tries = 0; tries <= entries; ++tries) {
        const auto behind = at == range.last ? std::optional{range.first} : at.next();
        ASSERT(behind);
        if (!book.entries.contains(at) && !in_use_elsewhere(book, at)) {
            book.next = behind;
            return at;
        }
        at = *behind;
    }
    return std::nullopt;
}

std::optional<IpAddress> LeaseBook::taken_over(Book& book, const Pool& pool) {
    for (const auto& [released, address] : book.offline) {
        if (pool.addresses.contains(address) && !in_use_elsewhere(book, address)) {
            return address;
        }
    }
    return std::nullopt;
}

bool LeaseBook::in_use_elsewhere(const Book& mine, const IpAddress& address) const {
    for (const auto& [name, book] : books_) {
        if (&book == &mine) { continue; }
        const auto found = book.entries.find(address);
        if (found != book.entries.end() && found->second.users > 0) { return true; }
    }
    return false;
}

void LeaseBook::give(Book& book, const Pool& pool, const IpAddress& address,
                     const LeaseWish& wish) {
    const auto [at, made] = book.entries.try_emplace(address);
    Entry& entry = at->second;
    if (!made && entry.users == 0) { book.offline.erase(entry.released); }
    const bool changes_hands = made || !(entry.identity == wish.identity);
    if (!made && changes_hands) {
        const auto [begin, end] = book.of.equal_range(owner_of(entry.identity));
        for (auto one = begin; one != end; ++one) {
            if (one->second == address) {
                book.of.erase(one);
                break;
            }
        }
    }
    if (changes_hands) {
        entry.identity = wish.identity;
        book.of.emplace(owner_of(wish.identity), address);
    }
    entry.holder = wish.holder;
    ++entry.users;
    if (changes_hands && on_change_) {
        on_change_({pool.name, address, entry.identity, entry.users, entry.holder});
    }
}

void LeaseBook::release(const std::string& pool, const IpAddress& address) {
    Book& book = books_[pool];
    const auto at = book.entries.find(address);
    ASSERT(at != book.entries.end() && at->second.users > 0);
    if (--at->second.users > 0) { return; }
    at->second.released = ++releases_;
    book.offline.emplace(releases_, address);
}

void LeaseBook::moved(const std::string& pool, const IpAddress& address, const IpAddress& holder) {
    Book& book = books_[pool];
    const auto at = book.entries.find(address);
    ASSERT(at != book.entries.end() && at->second.users > 0);
    at->second.holder = holder;
}

void LeaseBook::restore(const std::string& pool, const IpAddress& address, Identity identity) {
    Book& book = books_[pool];
    const auto [at, made] = book.entries.try_emplace(address);
    if (!made) { return; }
    book.of.emplace(owner_of(identity), address);
    at->second = {.identity = std::move(identity), .released = ++releases_};
    book.offline.emplace(releases_, address);
}

std::vector<Lease> LeaseBook::leases() const {
    std::vector<Lease> out;
    for (const auto& [pool, book] : books_) {
        for (const auto& [address, entry] : book.entries) {
            out.push_back({pool, address, entry.identity, entry.users, entry.holder});
        }
    }
    return out;
}

std::size_t LeaseBook::online(const std::string& pool) const {
    const auto found = books_.find(pool);
    return found == books_.end() ? 0 : found->second.entries.size() - found->second.offline.size();
}

std::size_t LeaseBook::offline(const std::string& pool) const {
    const auto found = books_.find(pool);
    return found == books_.end() ? 0 : found->second.offline.size();
}

}  // namespace culvert::ike
