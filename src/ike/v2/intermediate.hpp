#pragma once
// IKE_INTERMEDIATE exchanges between IKE_SA_INIT and IKE_AUTH (RFC 9242), which carry the
// additional key exchanges of an IKE SA (RFC 9370 2.2.2), both sides.

#include <variant>
#include <vector>

#include "crypto/key_exchange.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/init.hpp"
#include "ike/wire/message.hpp"

namespace culvert::ike::v2 {

// Some proposal has additional key exchanges, so that N(INTERMEDIATE_EXCHANGE_SUPPORTED) goes
// along.
bool wants_intermediate(const Proposals& proposals);

class IntermediateInitiator {
 public:
    // Draws the key of the first method that is left, of which there must be one.
    static Result<IntermediateInitiator> begin(InitResult init, const Environment& env);

    wire::Payloads request() const;
    // The request goes out with this header.
    void sent(const wire::IkeHeader& header);

    struct Failed {
        Error error;
        bool we_refused = false;
    };
    struct Done {
        InitResult init;
    };
    using Outcome = std::variant<Failed, Done>;
    // On Done the SA has its next keys.
    Outcome handle(const wire::Message& response, SaCore& sa, const Environment& env);

 private:
    IntermediateInitiator(InitResult init, crypto::KeyExchange ke)
        : init_(std::move(init)), ke_(std::move(ke)) {}

    InitResult init_;
    crypto::KeyExchange ke_;
    Bytes covered_;
};

// What to answer to an IKE_INTERMEDIATE request.
struct IntermediateAnswer {
    wire::Payloads payloads;
    std::optional<Secret> shared;  // for take_shared_secret(), once the answer is sealed
};
Result<IntermediateAnswer> answer_intermediate(const wire::Payloads& request, InitResult& init,
                                               const Environment& env);

// The next keys of the SA (RFC 9370 2.2.2).
void take_shared_secret(const Secret& shared, SaCore& sa, InitResult& init, const Environment& env);

}  // namespace culvert::ike::v2
