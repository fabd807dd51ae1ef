#include "ike/v2/tickets.hpp"

#include <utility>

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "crypto/aead.hpp"
#include "ike/v2/limits.hpp"

namespace culvert::ike::v2 {

namespace {

constexpr auto ticket_cipher = crypto::EncryptionAlgorithm::aes_gcm_16;
constexpr std::uint16_t cipher_bits = 256;
constexpr std::size_t head_size = 16;  // name of the key, nonce

void put(Writer& out, ByteView octets) {
    out.u16(static_cast<std::uint16_t>(octets.size()));
    out.bytes(octets);
}

Bytes get(Reader& in) {
    const std::size_t size = in.u16();
    return to_bytes(in.bytes(size));
}

void put(Writer& out, const Identity& identity) {
    out.u8(identity.wire_type());
    put(out, identity.data);
}

Identity get_identity(Reader& in) {
    const IdType type{in.u8()};
    return {.type = type, .data = get(in)};
}

std::uint64_t ticks(Instant at) {
    return static_cast<std::uint64_t>(at.time_since_epoch().count());
}
Instant at_ticks(std::uint64_t ticks) {
    return Instant{Duration{static_cast<Duration::rep>(ticks)}};
}

Bytes nonce_of(std::uint64_t counter) {
    Writer out;
    out.u32(0);
    out.u64(counter);
    return out.take();
}

// Only ever read back by us; the ICV says that it is ours.
Bytes inside_of(const ResumableSa& sa) {
    Writer out;
    out.u64(sa.id);
    out.u64(sa.generation);
    out.u64(ticks(sa.expires));
    out.u64(sa.reauth_at ? ticks(*sa.reauth_at) : 0);
    out.u16(std::to_underlying(sa.suite.encryption));
    out.u16(sa.suite.key_bits);
    out.u16(std::to_underlying(sa.suite.integrity));
    out.u16(std::to_underlying(sa.suite.prf));
    out.u16(std::to_underlying(sa.suite.ke));
    for (const crypto::KeMethod method : sa.suite.additional) {
        out.u16(std::to_underlying(method));
    }
    put(out, as_bytes(sa.connection));
    put(out, sa.local);
    put(out, sa.remote);
    put(out, sa.remote_eap);
    put(out, sa.sk_d.reveal());
    return out.take();
}

std::optional<ResumableSa> from_inside(ByteView inside) {
    Reader in{inside};
    ResumableSa sa;
    sa.id = in.u64();
    sa.generation = in.u64();
    sa.expires = at_ticks(in.u64());
    const std::uint64_t reauth = in.u64();
    if (reauth != 0) { sa.reauth_at = at_ticks(reauth); }
    sa.suite.encryption = crypto::EncryptionAlgorithm{in.u16()};
    sa.suite.key_bits = in.u16();
    sa.suite.integrity = crypto::IntegrityAlgorithm{in.u16()};
    sa.suite.prf = crypto::PrfAlgorithm{in.u16()};
    sa.suite.ke = crypto::KeMethod{in.u16()};
    for (crypto::KeMethod& method : sa.suite.additional) { method = crypto::KeMethod{in.u16()}; }
    const Bytes connection = get(in);
    sa.connection.assign(connection.begin(), connection.end());
    sa.local = get_identity(in);
    sa.remote = get_identity(in);
    sa.remote_eap = get_identity(in);
    const std::size_t size = in.u16();
    sa.sk_d = Secret::copy_of(in.bytes(size));
    if (!in.finish(true, "ticket")) { return std::nullopt; }
    return sa;
}

}  // namespace

void TicketOffice::rotate(Instant now, Random& random) {
    if (!current_.key.empty() && now - current_.made < ticket_key_lifetime) { return; }
    previous_ = std::move(current_);
    current_ = {.name = random.u64(), .key = Secret{cipher_bits / 8}, .made = now};
    random.fill(current_.key.write());
}

Bytes TicketOffice::seal(ResumableSa& sa, Instant now, Random& random) {
    rotate(now, random);
    sa.id = random.u64();
    sa.generation = generation_;
    Writer out;
    out.u64(current_.name);
    out.u64(current_.next);
    Bytes inside = inside_of(sa);
    const crypto::Aead aead{ticket_cipher, cipher_bits, current_.key.reveal()};
    out.bytes(aead.seal(nonce_of(current_.next), out.view(), inside));
    wipe(inside);
    ++current_.next;
    return out.take();
}

std::optional<ResumableSa> TicketOffice::open(ByteView ticket, Instant now) const {
    if (ticket.size() < head_size || ticket.size() > ticket_size_max) { return std::nullopt; }
    Reader in{ticket};
    const std::uint64_t name = in.u64();
    const std::uint64_t counter = in.u64();
    for (const Key* const key : {&current_, &previous_}) {
        if (key->key.empty() || key->name != name) { continue; }
        const crypto::Aead aead{ticket_cipher, cipher_bits, key->key.reveal()};
        auto inside =
            aead.open(nonce_of(counter), ticket.first(head_size), ticket.subspan(head_size));
        if (!inside) { return std::nullopt; }
        auto sa = from_inside(*inside);
        wipe(*inside);
        if (!sa || sa->expires <= now || spent_.contains(sa->id)) { return std::nullopt; }
        const auto good_from = good_from_.find(sa->connection);
        if (good_from != good_from_.end() && sa->generation < good_from->second) {
            return std::nullopt;
        }
        return sa;
    }
    return std::nullopt;
}

void TicketOffice::spend(std::uint64_t id, Instant expires, Instant now) {
    if (expires <= now) { return; }
    if (spent_.size() >= tickets_spent_max) {
        std::erase_if(spent_, [&](const auto& entry) { return entry.second <= now; });
    }
    // What cannot be remembered must not be good.
    if (spent_.size() >= tickets_spent_max) { return end_all(); }
    spent_.insert_or_assign(id, expires);
}

void TicketOffice::end_all() {
    spent_.clear();
    good_from_.clear();
    current_ = {};
    previous_ = {};
}

void TicketOffice::end_those_of(const std::string& connection) {
    if (good_from_.size() >= tickets_spent_max) { return end_all(); }
    good_from_.insert_or_assign(connection, ++generation_);
}

std::uint64_t TicketWallet::keep(Entry entry) {
    entry.number = ++last_number_;
    std::string connection = entry.sa.connection;
    if (entries_.size() < tickets_kept_max || entries_.contains(connection)) {
        entries_.insert_or_assign(std::move(connection), std::move(entry));
    }
    return last_number_;
}

void TicketWallet::forget(const std::string& connection, std::uint64_t number) {
    const auto at = entries_.find(connection);
    if (at != entries_.end() && at->second.number == number) { entries_.erase(at); }
}

std::optional<TicketWallet::Entry> TicketWallet::take(const std::string& connection, Instant now) {
    auto found = entries_.extract(connection);
    if (found.empty() || found.mapped().sa.expires <= now) { return std::nullopt; }
    return std::move(found.mapped());
}

}  // namespace culvert::ike::v2
