#include "ike/eap/gtc.hpp"

#include "crypto/hash.hpp"
#include "ike/eap/errors.hpp"
#include "ike/eap/limits.hpp"

namespace culvert::ike::eap {
namespace {

// Of equal length whatever it is made of, so that the comparison takes the same time.
Bytes digest(ByteView password) {
    return crypto::hash(crypto::HashAlgorithm::sha2_256, {password});
}

}  // namespace

Result<Bytes> GtcPeer::answer(std::uint8_t, ByteView, const Identity& user,
                              const Context& context) {
    // What it asks is for people to read: here there is one password.
    const Password password = context.password_of(user);
    if (password.secret == nullptr || password.is_nt_hash) {
        return std::unexpected(no_own_password(context.connection, user, Type::gtc));
    }
    complete_ = true;
    return to_bytes(password.secret->reveal());
}

Result<Bytes> GtcServer::begin(std::uint8_t, const Context&) {
    return to_bytes(as_bytes("Password: "));
}

ServerMethod::Step GtcServer::handle(std::uint8_t, ByteView data, const Identity& user,
                                     const Context& context) {
    const Password password = context.password_of(user);
    const bool known = password.secret != nullptr && !password.is_nt_hash;
    const Secret nothing{16};
    const Bytes expected = digest(known ? password.secret->reveal() : nothing.reveal());
    const bool right = constant_time_equal(
        expected, digest(data.first(std::min(data.size(), password_size_max + 1))));
    if (!known) { return Failure{unknown_user(context.connection, user, Type::gtc)}; }
    if (!right) {
        return Failure{wrong_password(context.connection, user, password.section, Type::gtc)};
    }
    return Success{.user = user, .msk = {}};
}

}  // namespace culvert::ike::eap
