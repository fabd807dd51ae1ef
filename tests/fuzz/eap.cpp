// EAP with a stranger at either end, who hears the other and does not know the password: any
// messages, genuine ones damaged or late. Nobody lets him in, and nothing goes on for ever.

#include "fuzz/engine_records.hpp"
#include "fuzz/property.hpp"
#include "ike/eap/limits.hpp"
#include "ike/eap/peer.hpp"
#include "ike/eap/server.hpp"
#include "ike/eap/tls.hpp"
#include "support/seeded_random.hpp"

namespace {

using namespace culvert;
using namespace culvert::ike;
using namespace culvert::ike::eap;

class Strangers {
 public:
    explicit Strangers(std::uint8_t choice)
        : type_(choice % 3 == 0   ? Type::mschapv2
                : choice % 3 == 1 ? Type::md5
                                  : Type::gtc),
          peer_(Identity::parse("carol").value(), {type_}),
          server_(Identity::parse("carol").value(), {type_, Type::md5}, choice >= 128) {
        hear(server_.begin(context(at_server_)));
    }

    void to_server(ByteView message) {
        if (!server_ended_) { hear(server_.handle(message, context(at_server_))); }
    }
    void to_peer(ByteView message) {
        if (peer_ended_) { return; }
        auto outcome = peer_.handle(message, context(at_peer_));
        if (auto* answer = std::get_if<Peer::Answer>(&outcome)) {
            FUZZ_CLAIM(++answers_ <= rounds_max);
            FUZZ_CLAIM(Packet::parse(answer->message).has_value());
            peer_said = std::move(answer->message);
            return;
        }
        peer_ended_ = true;
        // The others prove nothing of the server: there the certificate in IKE_AUTH does.
        FUZZ_CLAIM(type_ != Type::mschapv2 || !std::holds_alternative<Peer::Succeeded>(outcome));
    }

    Bytes peer_said;
    Bytes server_said;

 private:
    void hear(Server::Outcome outcome) {
        FUZZ_CLAIM(!std::holds_alternative<Server::Succeeded>(outcome));
        if (auto* ask = std::get_if<Server::Ask>(&outcome)) {
            FUZZ_CLAIM(++requests_ <= rounds_max + 1);
            server_said = std::move(ask->message);
        } else {
            server_said = std::move(std::get<Server::Failed>(outcome).message);
            server_ended_ = true;
        }
        FUZZ_CLAIM(Packet::parse(server_said).has_value());
    }
    Context context(const Secret& password) {
        return {.random = random_,
                .connection = "gw",
                .server = Identity::parse("moon.example").value(),
                .password_of = [&password](const Identity&) {
                    return Password{.secret = &password, .section = "eap-carol"};
                }};
    }

    test::SeededRandom random_{1};
    Secret at_server_ = Secret::copy_of(as_bytes("that of the server"));
    Secret at_peer_ = Secret::copy_of(as_bytes("that of the peer"));
    Type type_;
    Peer peer_;
    Server server_;
    bool peer_ended_ = false;
    bool server_ended_ = false;
    unsigned answers_ = 0;
    unsigned requests_ = 0;
};

Bytes damaged(Bytes message, ByteView by, std::uint8_t where) {
    const std::size_t start = message.size() * where / 256;
    for (std::size_t i = 0; i < by.size() && start + i < message.size(); ++i) {
        message[start + i] ^= by[i];
    }
    return message;
}

void run(Reader in) {
    Strangers both{in.u8()};
    TlsFragments fragments;
    while (const auto record = fuzz::next_record(in)) {
        switch (record->what % 5) {
            case 0: both.to_server(record->octets); break;
            case 1: both.to_peer(record->octets); break;
            case 2:
                both.to_server(damaged(both.peer_said, record->octets, record->argument));
                break;
            case 3:
                both.to_peer(damaged(both.server_said, record->octets, record->argument));
                break;
            default:
                if (fragments.take(record->octets)) {
                    const auto whole = fragments.complete();
                    FUZZ_CLAIM(!whole || whole->size() <= tls_message_max);
                }
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    run(Reader{culvert::ByteView{data, size}});
    return 0;
}
