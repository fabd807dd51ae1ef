#pragma once
// IKE_FOLLOWUP_KE: the additional key exchanges behind a CREATE_CHILD_SA (RFC 9370 2.2.4). Nothing
// is installed before the last of them.

#include <optional>
#include <vector>

#include "crypto/key_exchange.hpp"
#include "ike/v2/environment.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

class FollowUpInitiator {
 public:
    // `methods`: what was agreed on, not empty; `answer`: to CREATE_CHILD_SA, with the link.
    static Result<FollowUpInitiator> begin(std::vector<crypto::KeMethod> methods,
                                           const wire::Payloads& answer, const Environment& env);
    wire::Payloads request() const;
    // True: that was the last, secrets() is complete. False: request() has the next one.
    Result<bool> handle(const wire::Payloads& response, const Environment& env);
    // SK(1) | ... | SK(n)
    const Secret& secrets() const { return secrets_; }

 private:
    FollowUpInitiator(std::vector<crypto::KeMethod> left, crypto::KeyExchange ke, Bytes link)
        : left_(std::move(left)), ke_(std::move(ke)), link_(std::move(link)) {}

    std::vector<crypto::KeMethod> left_;  // after that of ke_
    crypto::KeyExchange ke_;
    Bytes link_;
    Secret secrets_;
};

class FollowUpResponder {
 public:
    FollowUpResponder(std::vector<crypto::KeMethod> methods, const Environment& env);
    // For the answer to CREATE_CHILD_SA.
    wire::Notify link() const;
    bool is_for(const wire::Payloads& request) const;
    Result<wire::Payloads> answer(const wire::Payloads& request, const Environment& env);
    bool complete() const { return left_.empty(); }
    const Secret& secrets() const { return secrets_; }

 private:
    std::vector<crypto::KeMethod> left_;
    Bytes link_;
    Secret secrets_;
};

}  // namespace culvert::ike::v2
