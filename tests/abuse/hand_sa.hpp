#pragma once
// An IKE SA as a peer made by hand has it: its SPIs, keys and message ids. What it seals need not
// be well formed; and what comes back.

#include <optional>
#include <utility>
#include <vector>

#include "base/writer.hpp"
#include "ike/auth/key_material.hpp"
#include "ike/wire/message.hpp"
#include "unit/ike/v2/engine_pair.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;
using wire::NotifyType;
using wire::PayloadType;

class HandSa {
 public:
    HandSa(Side& victim, const Instant& now, std::uint64_t seed)
        : random_(seed), spi_(random_.u64()), victim_(victim), now_(now) {}

    Endpoint at{ip("192.0.2.66"), 500};
    Endpoint victim_at{ip("192.0.2.2"), 500};
    std::uint32_t next_id = 0;

    // Everything that comes back to this peer.
    std::vector<Bytes> send(const Bytes& bytes) {
        return feed(Datagram{.local = victim_at, .remote = at, .bytes = bytes});
    }
    // What this peer hears when the victim is told to do something, or its time has come.
    std::vector<Bytes> feed(Input input) {
        victim_.out.clear();
        victim_.take(victim_.engine().handle(std::move(input), now_));
        return heard();
    }
    std::vector<Bytes> tick() {
        victim_.out.clear();
        victim_.take(victim_.engine().tick(now_));
        return heard();
    }
    std::vector<Bytes> heard() {
        std::vector<Bytes> answers;
        for (Datagram& datagram : victim_.out) {
            if (datagram.remote.address == at.address) {
                answers.push_back(std::move(datagram.bytes));
            }
        }
        victim_.out.clear();
        return answers;
    }

    wire::IkeHeader header(ExchangeType exchange) const {
        return {.initiator_spi = spi_,
                .responder_spi = responder_spi_,
                .exchange = exchange,
                .flags = {.initiator = began_},
                .message_id = MessageId{next_id}};
    }
    Bytes sealed(const wire::IkeHeader& header, const wire::Payloads& payloads) {
        return wire::seal_message(header, payloads, *out_, random_).value();
    }
    // Any octets inside SK, under a right ICV.
    Bytes sealed_octets(ExchangeType exchange, PayloadType first, ByteView inside) {
        return closed(exchange, PayloadType::sk, first, {}, inside);
    }
    // The same as an SKF payload.
    Bytes fragment(ExchangeType exchange, PayloadType first, std::uint16_t number,
                   std::uint16_t total, ByteView inside) {
        Writer fields;
        fields.u16(number);
        fields.u16(total);
        return closed(exchange, PayloadType::skf, first, fields.view(), inside);
    }
    std::optional<wire::Payloads> open(const Bytes& answer) const {
        auto message = wire::open_message(answer, *in_);
        if (!message) { return std::nullopt; }
        return std::move(message->payloads);
    }
    // Asks and counts on, if there was an answer.
    std::optional<wire::Payloads> ask_octets(const Bytes& request) {
        const auto answers = send(request);
        if (answers.empty()) { return std::nullopt; }
        ++next_id;
        return open(answers.front());
    }
    std::optional<wire::Payloads> ask(ExchangeType exchange, const wire::Payloads& payloads) {
        return ask_octets(sealed(header(exchange), payloads));
    }

    // The answer to a request of the victim's. What it says next.
    Bytes sealed_answer(const Bytes& request, const wire::Payloads& payloads) {
        wire::IkeHeader header = wire::parse_header(request).value();
        header.flags = {.initiator = began_, .response = true};
        return sealed(header, payloads);
    }
    std::vector<Bytes> answer(const Bytes& request, const wire::Payloads& payloads) {
        return send(sealed_answer(request, payloads));
    }

    // To the IKE SA that was left for another.
    void go_back() {
        spi_ = replaced_->spi;
        responder_spi_ = replaced_->responder_spi;
        began_ = replaced_->began;
        next_id = replaced_->next_id;
        out_.emplace(std::move(replaced_->out));
        in_.emplace(std::move(replaced_->in));
    }

    IkeSpi spi() const { return spi_; }
    IkeSpi responder_spi() const { return responder_spi_; }
    test::SeededRandom& random() { return random_; }

 protected:
    void use_keys() {
        out_.emplace(began_ ? initiator_cipher(suite_, keys_) : responder_cipher(suite_, keys_));
        in_.emplace(began_ ? responder_cipher(suite_, keys_) : initiator_cipher(suite_, keys_));
    }
    void leave() {
        replaced_.emplace(Replaced{.spi = spi_,
                                   .responder_spi = responder_spi_,
                                   .began = began_,
                                   .next_id = next_id,
                                   .out = std::move(*out_),
                                   .in = std::move(*in_)});
    }

    test::SeededRandom random_;
    IkeSpi spi_;
    IkeSpi responder_spi_{};
    bool began_ = true;  // the original initiator
    ChosenIkeSuite suite_;
    IkeKeys keys_;
    std::optional<crypto::IkeCipher> out_;
    std::optional<crypto::IkeCipher> in_;

 private:
    // What it takes to speak in an IKE SA that another has replaced.
    struct Replaced {
        IkeSpi spi;
        IkeSpi responder_spi;
        bool began = true;
        std::uint32_t next_id = 0;
        crypto::IkeCipher out;
        crypto::IkeCipher in;
    };
    Bytes closed(ExchangeType exchange, PayloadType kind, PayloadType first, ByteView fields,
                 ByteView inside) {
        const std::size_t body = fields.size() + out_->sealed_size(inside.size());
        wire::IkeHeader head = header(exchange);
        head.next_payload = kind;
        head.length = static_cast<std::uint32_t>(wire::IkeHeader::size + 4 + body);
        Writer out;
        head.write(out);
        out.u8(std::to_underlying(first));
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(4 + body));
        out.bytes(fields);
        out.bytes(out_->seal(out.view(), inside, random_).value());
        return out.take();
    }

    Side& victim_;
    const Instant& now_;
    std::optional<Replaced> replaced_;
};

inline bool has(const std::optional<wire::Payloads>& payloads, NotifyType type) {
    return payloads && wire::find_notify(*payloads, type) != nullptr;
}

}  // namespace culvert::ike::v2
