#pragma once
// Tickets of session resumption (RFC 5723): by value, under keys that only this process has.

#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/instant.hpp"
#include "base/ip.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "ike/auth/identity.hpp"
#include "ike/proposal/proposal.hpp"

namespace culvert::ike::v2 {

// What is kept of an IKE SA to resume it (RFC 5723 5). `local` and `remote` as the owner sees them.
struct ResumableSa {
    std::string connection;
    ChosenIkeSuite suite;
    Secret sk_d;
    Identity local;
    Identity remote;
    Identity remote_eap{};  // where EAP has proved another name
    Instant expires{};
    std::optional<Instant> reauth_at;  // resumption is no new authentication
    std::uint64_t id = 0;              // of the ticket, at the gateway
    std::uint64_t generation = 0;      // of the office, when it was sealed
    std::vector<IpAddress> vips{};     // at the client: what to ask for again
};

// The gateway's side. Keys live in this process alone: a restart ends all tickets.
class TicketOffice {
 public:
    // Encrypted and authenticated; sets id and generation.
    Bytes seal(ResumableSa& sa, Instant now, Random& random);
    // Nothing if it is not ours, is out of date, or was spent.
    std::optional<ResumableSa> open(ByteView ticket, Instant now) const;
    // A ticket is good once, and not when its IKE SA was closed.
    bool is_spent(std::uint64_t id) const { return spent_.contains(id); }
    void spend(std::uint64_t id, Instant expires, Instant now);
    // What these were given for would have to be proved anew: all, or those of a connection.
    void end_all();
    void end_those_of(const std::string& connection);

 private:
    struct Key {
        std::uint64_t name = 0;
        Secret key;
        Instant made{};
        std::uint64_t next = 0;  // nonces: never twice
    };
    void rotate(Instant now, Random& random);

    Key current_;
    Key previous_;
    std::unordered_map<std::uint64_t, Instant> spent_;
    // Counts end_those_of(); of a connection only tickets count that were sealed since.
    std::uint64_t generation_ = 0;
    std::unordered_map<std::string, std::uint64_t> good_from_;
};

// The client's side, by connection.
class TicketWallet {
 public:
    struct Entry {
        Bytes ticket;
        ResumableSa sa;
        std::uint64_t number = 0;  // by keep()
    };
    // In the place of an older one of the connection. How it is called from now on, never 0.
    std::uint64_t keep(Entry entry);
    // It is used now, and kept no more.
    std::optional<Entry> take(const std::string& connection, Instant now);
    void forget(const std::string& connection) { entries_.erase(connection); }
    void forget_all() { entries_.clear(); }
    // If it is still this one.
    void forget(const std::string& connection, std::uint64_t number);

 private:
    std::map<std::string, Entry> entries_;
    std::uint64_t last_number_ = 0;
};

}  // namespace culvert::ike::v2
