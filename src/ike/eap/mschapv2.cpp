#include "ike/eap/mschapv2.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "ike/eap/errors.hpp"
#include "ike/eap/identity.hpp"
#include "ike/eap/limits.hpp"

namespace culvert::ike::eap {
namespace {

enum class OpCode : std::uint8_t { challenge = 1, response = 2, success = 3, failure = 4 };
constexpr std::uint8_t response_value_size = 49;

// OpCode, MS-CHAPv2-ID, MS-Length; a response to Success or Failure is the OpCode alone.
struct Header {
    OpCode code{};
    std::uint8_t id = 0;
};

Header read_header(Reader& in, std::size_t size) {
    Header header;
    header.code = OpCode{in.u8()};
    header.id = in.u8();
    if (in.u16() != size) { in.fail("is not as long as its MS-Length says"); }
    return header;
}

void write_header(Writer& out, OpCode code, std::uint8_t id) {
    out.u8(std::to_underlying(code));
    out.u8(id);
    out.u16(0);
}

Bytes finish(Writer& out) {
    out.patch_u16(2, static_cast<std::uint16_t>(out.size()));
    return out.take();
}

template <std::size_t size>
std::array<std::uint8_t, size> take(Reader& in) {
    std::array<std::uint8_t, size> out{};
    std::ranges::copy(in.bytes(size), out.begin());
    return out;
}

struct ChallengeRequest {
    std::uint8_t id = 0;
    Challenge challenge{};

    static Result<ChallengeRequest> parse(ByteView data) {
        Reader in{data};
        ChallengeRequest out;
        const Header header = read_header(in, data.size());
        out.id = header.id;
        if (header.code != OpCode::challenge) { in.fail("is no challenge"); }
        if (in.u8() != challenge_size) { in.fail("carries a challenge that has not 16 octets"); }
        out.challenge = take<challenge_size>(in);
        in.rest();  // the server's name
        return in.finish(out, "EAP-MSCHAPv2 challenge");
    }
    Bytes write(std::string_view name) const {
        Writer out;
        write_header(out, OpCode::challenge, id);
        out.u8(challenge_size);
        out.bytes(challenge);
        out.bytes(as_bytes(name));
        return finish(out);
    }
};

struct Response {
    std::uint8_t id = 0;
    Challenge challenge{};
    NtResponse proof{};
    std::string name;

    static Result<Response> parse(ByteView data) {
        Reader in{data};
        Response out;
        const Header header = read_header(in, data.size());
        out.id = header.id;
        if (header.code != OpCode::response) { in.fail("is no response"); }
        if (in.u8() != response_value_size) { in.fail("has a value that is not 49 octets long"); }
        out.challenge = take<challenge_size>(in);
        in.skip(8);
        out.proof = take<24>(in);
        in.skip(1);  // flags
        const ByteView name = in.rest();
        if (name.size() > identity_size_max) { in.fail("has a user name that is too long"); }
        if (!in.failed()) { out.name = as_text(name); }
        return in.finish(std::move(out), "EAP-MSCHAPv2 response");
    }
    Bytes write() const {
        Writer out;
        write_header(out, OpCode::response, id);
        out.u8(response_value_size);
        out.bytes(challenge);
        out.zeros(8);
        out.bytes(proof);
        out.u8(0);
        out.bytes(as_bytes(name));
        return finish(out);
    }
};

Bytes write_message(OpCode code, std::uint8_t id, std::string_view text) {
    Writer out;
    write_header(out, code, id);
    out.bytes(as_bytes(text));
    return finish(out);
}

// The text of a Success or Failure request.
Result<std::string> message_in(ByteView data) {
    Reader in{data};
    read_header(in, data.size());
    std::string text{as_text(in.rest())};
    return in.finish(std::move(text), "EAP-MSCHAPv2 message");
}

// "E=691 R=1 C=... V=3 M=...": the number behind "E=".
unsigned error_number(std::string_view text) {
    const auto at = text.find("E=");
    unsigned number = 0;
    if (at != std::string_view::npos) {
        (void)std::from_chars(text.data() + at + 2, text.data() + text.size(), number);
    }
    return number;
}

}  // namespace

// ---- the peer

Result<Bytes> MsChapV2Peer::answer(std::uint8_t, ByteView data, const Identity& user,
                                   const Context& context) {
    const auto code = data.empty() ? OpCode{} : OpCode{data.front()};
    if (code == OpCode::challenge && state_ == State::begun) {
        return respond(data, user, context);
    }
    if (code == OpCode::success && state_ == State::responded) {
        return check_success(data, user, context);
    }
    if (code == OpCode::failure && state_ == State::responded) {
        return take_failure(data, user, context);
    }
    return std::unexpected(bad_data(
        context.connection, Type::mschapv2,
        malformed("EAP-MSCHAPv2",
                  fmt::format("has the OpCode {} out of turn", std::to_underlying(code)))));
}

Result<Bytes> MsChapV2Peer::respond(ByteView data, const Identity& user, const Context& context) {
    const auto request = ChallengeRequest::parse(data);
    if (!request) {
        return std::unexpected(bad_data(context.connection, Type::mschapv2, request.error()));
    }
    const Password password = context.password_of(user);
    if (password.secret == nullptr) {
        return std::unexpected(no_own_password(context.connection, user, Type::mschapv2));
    }
    section_ = password.section;
    const auto hash = nt_hash_of(password);
    if (!hash) { return std::unexpected(hash.error()); }
    Response response{.id = request->id, .challenge = {}, .proof = {}, .name = to_text(user)};
    context.random.fill(response.challenge);
    response.proof = nt_response(request->challenge, response.challenge, response.name, *hash);
    auto expected = authenticator_response(*hash, response.proof, response.challenge,
                                           request->challenge, response.name);
    if (!expected) { return std::unexpected(std::move(expected).error()); }
    auto msk = mschapv2_msk(*hash, response.proof);
    if (!msk) { return std::unexpected(std::move(msk).error()); }
    expected_ = *std::move(expected);
    msk_ = *std::move(msk);
    state_ = State::responded;
    return response.write();
}

Result<Bytes> MsChapV2Peer::check_success(ByteView data, const Identity& user,
                                          const Context& context) {
    const auto text = message_in(data);
    if (!text) {
        return std::unexpected(bad_data(context.connection, Type::mschapv2, text.error()));
    }
    // RFC 2759 5: only who knows the password, too, can say this.
    std::string shown = text->substr(0, expected_.size());
    for (char& c : shown) {
        if (c >= 'a' && c <= 'f') { c = static_cast<char>(c - 'a' + 'A'); }
    }
    if (!constant_time_equal(as_bytes(shown), as_bytes(expected_))) {
        return std::unexpected(server_not_proved(context.connection, user, section_));
    }
    state_ = State::complete;
    return Bytes{std::to_underlying(OpCode::success)};
}

Result<Bytes> MsChapV2Peer::take_failure(ByteView data, const Identity& user,
                                         const Context& context) {
    const auto text = message_in(data);
    if (!text) {
        return std::unexpected(bad_data(context.connection, Type::mschapv2, text.error()));
    }
    // The next try would be with the same password.
    refusal_ = password_refused(context.connection, user, section_, error_number(*text), *text);
    state_ = State::refused;
    return Bytes{std::to_underlying(OpCode::failure)};
}

// ---- the server

Result<Bytes> MsChapV2Server::begin(std::uint8_t identifier, const Context& context) {
    context.random.fill(challenge_);
    return ChallengeRequest{.id = identifier, .challenge = challenge_}.write(
        to_text(context.server));
}

ServerMethod::Step MsChapV2Server::handle(std::uint8_t identifier, ByteView data, const Identity&,
                                          const Context& context) {
    const auto code = data.empty() ? OpCode{} : OpCode{data.front()};
    if (state_ == State::proved && code == OpCode::success) {
        return Success{.user = user_, .msk = std::move(msk_)};
    }
    if (state_ == State::refused && code == OpCode::failure) { return Failure{*error_}; }
    if (code == OpCode::response && state_ != State::proved) {
        return check(identifier, data, context);
    }
    // A peer that does not believe us answers Success with Failure.
    if (state_ == State::proved && code == OpCode::failure) {
        return Failure{peer_disbelieves(context.connection, user_)};
    }
    return Failure{bad_data(context.connection, Type::mschapv2,
                            malformed("EAP-MSCHAPv2", fmt::format("has the OpCode {} out of turn",
                                                                  std::to_underlying(code))))};
}

ServerMethod::Step MsChapV2Server::check(std::uint8_t identifier, ByteView data,
                                         const Context& context) {
    const auto response = Response::parse(data);
    if (!response) {
        return Failure{bad_data(context.connection, Type::mschapv2, response.error())};
    }
    // Who has proved himself is who the response names, whoever the identity was.
    user_ = from_text(as_bytes(response->name));
    const Password password = context.password_of(user_);
    // S-07: an unknown user costs the same, and is told the same, as a wrong password.
    Secret nothing{16};
    context.random.fill(nothing.write());
    const Password stand_in{.secret = &nothing, .is_nt_hash = false, .section = {}};
    const bool known = password.secret != nullptr;
    const auto hash = nt_hash_of(known ? password : stand_in);
    if (!hash) { return Failure{hash.error()}; }
    const NtResponse expected = nt_response(challenge_, response->challenge, response->name, *hash);
    const bool right = constant_time_equal(expected, response->proof);
    if (!known) {
        return refuse(identifier, unknown_user(context.connection, user_, Type::mschapv2), context);
    }
    if (!right) {
        return refuse(identifier,
                      wrong_password(context.connection, user_, password.section, Type::mschapv2),
                      context);
    }
    const auto proof = authenticator_response(*hash, response->proof, response->challenge,
                                              challenge_, response->name);
    if (!proof) { return Failure{proof.error()}; }
    auto msk = mschapv2_msk(*hash, response->proof);
    if (!msk) { return Failure{std::move(msk).error()}; }
    msk_ = *std::move(msk);
    state_ = State::proved;
    return Ask{write_message(OpCode::success, response->id, *proof + " M=Welcome")};
}

// RFC 2759 6: the user may have mistyped it, and may try again with another challenge.
ServerMethod::Step MsChapV2Server::refuse(std::uint8_t identifier, Error error,
                                          const Context& context) {
    error_ = std::move(error);
    ++tries_;
    if (tries_ > password_tries_max) { return Failure{*error_}; }
    const bool again = tries_ < password_tries_max;
    context.random.fill(challenge_);
    std::string digits;
    for (const char c : to_hex(challenge_)) {
        digits += c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    state_ = State::refused;
    return Ask{write_message(
        OpCode::failure, static_cast<std::uint8_t>(identifier + 1),
        fmt::format("E=691 R={} C={} V=3 M=Authentication failed", again ? 1 : 0, digits))};
}

}  // namespace culvert::ike::eap
