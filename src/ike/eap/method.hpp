#pragma once
// One EAP method, either side: what is inside of its requests and responses (RFC 3748 2). The
// conversation around it (identifiers, identity, Nak, success) is Peer's and Server's.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/private_key.hpp"
#include "ike/auth/identity.hpp"
#include "ike/eap/type.hpp"

namespace culvert::ike::eap {

struct Password {
    const Secret* secret = nullptr;  // lives as long as the call that it was got in
    bool is_nt_hash = false;         // not the password, but its MD4: good for EAP-MSCHAPv2 alone
    std::string section;             // where it stands, for messages: "eap-carol"
};

// What EAP-TLS shows of us; no key: nothing.
struct OwnTls {
    std::shared_ptr<const crypto::PrivateKey> key{};
    std::vector<Bytes> chain{};  // DER, our certificate first
};

// What a call may use while it lasts.
struct Context {
    Random& random;
    std::string connection;  // for messages
    Identity server;         // who the server says that it is
    // The password of this user; without a secret: there is none.
    std::function<Password(const Identity& user)> password_of;
    std::function<OwnTls()> own_tls{};
    // Whether these certificates (DER, the end's own first) are to be trusted to be `who`.
    std::function<Status(const Identity& who, const std::vector<Bytes>& chain)> trust{};
};

// The side that is asked.
class PeerMethod {
 public:
    PeerMethod() = default;
    PeerMethod(const PeerMethod&) = delete;
    PeerMethod& operator=(const PeerMethod&) = delete;
    PeerMethod(PeerMethod&&) = delete;
    PeerMethod& operator=(PeerMethod&&) = delete;
    virtual ~PeerMethod() = default;

    // What answers the request of this identifier; an error ends the conversation.
    virtual Result<Bytes> answer(std::uint8_t identifier, ByteView data, const Identity& user,
                                 const Context& context) = 0;
    // The server has done all that it had to: its EAP-Success is to be believed.
    virtual bool complete() const = 0;
    // Empty: the method makes no key.
    virtual Secret take_msk() { return {}; }
    // Why the server will say EAP-Failure, if it has told.
    virtual std::optional<Error> refusal() const { return std::nullopt; }
};

// The side that asks.
class ServerMethod {
 public:
    ServerMethod() = default;
    ServerMethod(const ServerMethod&) = delete;
    ServerMethod& operator=(const ServerMethod&) = delete;
    ServerMethod(ServerMethod&&) = delete;
    ServerMethod& operator=(ServerMethod&&) = delete;
    virtual ~ServerMethod() = default;

    // Of the first request.
    virtual Result<Bytes> begin(std::uint8_t identifier, const Context& context) = 0;

    struct Ask {
        Bytes data;
    };
    struct Success {
        Identity user;  // proved
        Secret msk;     // may be empty
    };
    struct Failure {
        Error error;
    };
    using Step = std::variant<Ask, Success, Failure>;
    // The response to the request of this identifier; the next one would have `identifier` + 1.
    // `user`: who the peer says that it is.
    virtual Step handle(std::uint8_t identifier, ByteView data, const Identity& user,
                        const Context& context) = 0;
    // What the peer is being told of, and may give up for.
    virtual std::optional<Error> refusal() const { return std::nullopt; }
};

// `type` is one of methods().
std::unique_ptr<PeerMethod> make_peer_method(Type type);
std::unique_ptr<ServerMethod> make_server_method(Type type);

// The NT hash of what is configured.
Result<Secret> nt_hash_of(const Password& password);

}  // namespace culvert::ike::eap
