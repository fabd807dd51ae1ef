#include "ike/eap/md5.hpp"

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "crypto/legacy.hpp"
#include "ike/eap/errors.hpp"
#include "ike/eap/identity.hpp"
#include "ike/eap/limits.hpp"

namespace culvert::ike::eap {
namespace {

// Value-Size, Value, Name.
struct Value {
    Bytes value;

    static Result<Value> parse(ByteView data) {
        Reader in{data};
        Value out;
        out.value = to_bytes(in.bytes(in.u8()));
        if (out.value.empty()) { in.fail("carries no value"); }
        in.rest();
        return in.finish(std::move(out), "EAP-MD5");
    }
    static Bytes write(ByteView value, std::string_view name) {
        Writer out;
        out.u8(static_cast<std::uint8_t>(value.size()));
        out.bytes(value);
        out.bytes(as_bytes(name));
        return out.take();
    }
};

}  // namespace

Result<Bytes> Md5Peer::answer(std::uint8_t identifier, ByteView data, const Identity& user,
                              const Context& context) {
    const auto challenge = Value::parse(data);
    if (!challenge) { return std::unexpected(challenge.error()); }
    const Password password = context.password_of(user);
    if (password.secret == nullptr || password.is_nt_hash) {
        return std::unexpected(no_own_password(context.connection, user, Type::md5));
    }
    complete_ = true;
    return Value::write(
        crypto::md5({ByteView{&identifier, 1}, password.secret->reveal(), challenge->value}),
        to_text(user));
}

Result<Bytes> Md5Server::begin(std::uint8_t, const Context& context) {
    challenge_ = context.random.bytes(challenge_size);
    return Value::write(challenge_, to_text(context.server));
}

ServerMethod::Step Md5Server::handle(std::uint8_t identifier, ByteView data, const Identity& user,
                                     const Context& context) {
    const auto response = Value::parse(data);
    if (!response) { return Failure{bad_data(context.connection, Type::md5, response.error())}; }
    const Password password = context.password_of(user);
    const bool known = password.secret != nullptr && !password.is_nt_hash;
    // S-07: nobody learns from the time whether the user is known.
    const Secret nothing{16};
    const Secret& secret = known ? *password.secret : nothing;
    const auto expected = crypto::md5({ByteView{&identifier, 1}, secret.reveal(), challenge_});
    const bool right = constant_time_equal(expected, response->value);
    if (!known) { return Failure{unknown_user(context.connection, user, Type::md5)}; }
    if (!right) {
        return Failure{wrong_password(context.connection, user, password.section, Type::md5)};
    }
    return Success{.user = user, .msk = {}};
}

}  // namespace culvert::ike::eap
