#include "ike/eap/tls.hpp"

#include <algorithm>
#include <utility>

#include "base/reader.hpp"
#include "base/writer.hpp"
#include "ike/eap/errors.hpp"
#include "ike/eap/limits.hpp"

namespace culvert::ike::eap {
namespace {

constexpr std::uint8_t flag_length = 0x80;
constexpr std::uint8_t flag_more = 0x40;
constexpr std::uint8_t flag_start = 0x20;

// RFC 5216 2.3, RFC 9190 2.3: the first half of the exported octets.
Secret derive_msk(const crypto::TlsSession& tls) {
    constexpr std::size_t exported = 128;
    const std::uint8_t type = std::to_underlying(Type::tls);
    const Secret octets = tls.is_tls_1_3()
                              ? tls.exporter("EXPORTER_EAP_TLS_Key_Material", {&type, 1}, exported)
                              : tls.exporter("client EAP encryption", {}, exported);
    return Secret::copy_of(octets.reveal().first(msk_size));
}

Result<crypto::TlsSession> begin_tls(crypto::TlsSession::Role role, const Context& context) {
    const OwnTls own = context.own_tls ? context.own_tls() : OwnTls{};
    if (own.key == nullptr) { return std::unexpected(no_own_certificate(context.connection)); }
    return crypto::TlsSession::begin(role, *own.key, own.chain);
}

// RFC 9190 2.1.1: the server says so when it will send no more TLS.
bool is_commitment(const Bytes& data) { return data.size() == 1 && data.front() == 0; }

}  // namespace

// ---- fragments

Status TlsFragments::take(ByteView data) {
    Reader in{data};
    const std::uint8_t flags = in.u8();
    std::optional<std::size_t> length;
    if ((flags & flag_length) != 0) { length = in.u32(); }
    const ByteView octets = in.rest();
    if (in.failed()) { return std::unexpected(malformed("EAP-TLS", in.why())); }
    start_ = (flags & flag_start) != 0;
    const bool more = (flags & flag_more) != 0;
    const auto refuse = [](std::string_view why) {
        return std::unexpected(malformed("EAP-TLS", why));
    };
    // While ours is being fetched there is nothing to come.
    if (sending() && (more || !octets.empty())) { return refuse("comes before our message's end"); }
    if (more && octets.empty()) { return refuse("is a fragment without octets"); }  // P-09
    if (length && (!in_.empty() && length != expected_)) { return refuse("changes its length"); }
    if (length) { expected_ = length; }
    const std::size_t limit = std::min(tls_message_max, expected_.value_or(tls_message_max));
    if (expected_.value_or(0) > tls_message_max || in_.size() + octets.size() > limit) {
        return refuse("is longer than it may be");
    }
    append(in_, octets);
    whole_ = !more && !in_.empty();
    if (whole_ && expected_ && in_.size() != *expected_) {
        return refuse("is shorter than it says");
    }
    return {};
}

std::optional<Bytes> TlsFragments::complete() {
    if (!std::exchange(whole_, false)) { return std::nullopt; }
    expected_.reset();
    return std::exchange(in_, {});
}

void TlsFragments::send(Bytes message) {
    out_ = std::move(message);
    at_ = 0;
}

Bytes TlsFragments::next() {
    const std::size_t left = out_.size() - at_;
    const std::size_t size = std::min(left, tls_fragment_size);
    const bool first = at_ == 0 && !out_.empty();
    Writer out;
    out.u8(static_cast<std::uint8_t>((first ? flag_length : 0U) | (size < left ? flag_more : 0U)));
    if (first) { out.u32(static_cast<std::uint32_t>(out_.size())); }
    out.bytes(ByteView{out_}.subspan(at_, size));
    at_ += size;
    return out.take();
}

// ---- the peer

Result<Bytes> TlsPeer::answer(std::uint8_t, ByteView data, const Identity&,
                              const Context& context) {
    if (Status taken = fragments_.take(data); !taken) {
        return std::unexpected(bad_data(context.connection, Type::tls, taken.error()));
    }
    const std::optional<Bytes> message = fragments_.complete();
    if (fragments_.sending()) { return fragments_.next(); }
    const bool begins = fragments_.is_start() && !tls_;
    if (begins) {
        auto tls = begin_tls(crypto::TlsSession::Role::client, context);
        if (!tls) { return std::unexpected(std::move(tls).error()); }
        tls_ = *std::move(tls);
    }
    if (tls_ && !refusal_ && (begins || message)) {
        refusal_ = go_on(message.value_or(Bytes{}), context);
        fragments_.send(tls_->output());
    }
    return fragments_.next();
}

std::optional<Error> TlsPeer::go_on(ByteView message, const Context& context) {
    const auto trust = [&](const std::vector<Bytes>& chain) {
        return context.trust(context.server, chain);
    };
    if (Status done = tls_->take(message, trust); !done) {
        return tls_failed(context.connection, done.error());
    }
    if (!tls_->done() || complete_) { return std::nullopt; }
    if (tls_->is_tls_1_3() && !is_commitment(tls_->read())) { return std::nullopt; }
    msk_ = derive_msk(*tls_);
    complete_ = true;
    return std::nullopt;
}

// ---- the server

Result<Bytes> TlsServer::begin(std::uint8_t, const Context& context) {
    auto tls = begin_tls(crypto::TlsSession::Role::server, context);
    if (!tls) { return std::unexpected(std::move(tls).error()); }
    tls_ = *std::move(tls);
    return Bytes{flag_start};
}

ServerMethod::Step TlsServer::handle(std::uint8_t, ByteView data, const Identity& user,
                                     const Context& context) {
    if (Status taken = fragments_.take(data); !taken) {
        return Failure{bad_data(context.connection, Type::tls, taken.error())};
    }
    const std::optional<Bytes> message = fragments_.complete();
    if (fragments_.sending()) { return Ask{fragments_.next()}; }
    if (error_) { return Failure{*error_}; }
    if (finished_ && !message) { return Success{.user = user, .msk = derive_msk(*tls_)}; }
    if (finished_) {  // an alert, or what nobody asked for
        return Failure{bad_data(context.connection, Type::tls,
                                malformed("EAP-TLS", "goes on behind the end of the handshake"))};
    }
    if (!message) { return Ask{fragments_.next()}; }
    const auto trust = [&](const std::vector<Bytes>& chain) { return context.trust(user, chain); };
    if (Status done = tls_->take(*message, trust); !done) {
        error_ = tls_failed(context.connection, done.error());
    } else if (tls_->done()) {
        finished_ = true;
        const std::uint8_t commitment = 0;
        if (tls_->is_tls_1_3()) {
            if (Status said = tls_->write({&commitment, 1}); !said) {
                return Failure{tls_failed(context.connection, said.error())};
            }
        }
    }
    fragments_.send(tls_->output());
    if (error_ && !fragments_.sending()) { return Failure{*error_}; }
    return Ask{fragments_.next()};
}

}  // namespace culvert::ike::eap
