#include "ike/v2/follow_up.hpp"

#include <algorithm>
#include <utility>

#include "base/assert.hpp"
#include "ike/v2/errors.hpp"

namespace culvert::ike::v2 {

using wire::ExchangeType;
using wire::NotifyType;

namespace {

constexpr std::size_t link_size = 8;

void join(Secret& so_far, const Secret& more) {
    Secret both{so_far.size() + more.size()};
    std::ranges::copy(so_far.reveal(), both.write().begin());
    std::ranges::copy(more.reveal(), both.write().subspan(so_far.size(), more.size()).begin());
    so_far = std::move(both);
}

Result<Bytes> link_in(const wire::Payloads& payloads, ExchangeType exchange) {
    const auto* link = wire::find_notify(payloads, NotifyType::additional_key_exchange);
    if (link == nullptr || link->data.empty() || link->data.size() > follow_up_link_max) {
        return std::unexpected(bad_payloads(
            exchange, "N(ADDITIONAL_KEY_EXCHANGE) with what links the next exchange", payloads));
    }
    return link->data;
}

}  // namespace

Result<FollowUpInitiator> FollowUpInitiator::begin(std::vector<crypto::KeMethod> methods,
                                                   const wire::Payloads& answer,
                                                   const Environment& env) {
    ASSERT(!methods.empty());
    auto link = link_in(answer, ExchangeType::create_child_sa);
    if (!link) { return std::unexpected(std::move(link).error()); }
    auto ke = crypto::KeyExchange::create(methods.front(), env.random());
    if (!ke) { return std::unexpected(std::move(ke).error()); }
    methods.erase(methods.begin());
    return FollowUpInitiator{std::move(methods), std::move(*ke), std::move(*link)};
}

wire::Payloads FollowUpInitiator::request() const {
    wire::Payloads payloads;
    payloads.emplace_back(wire::KeyExchange{.method = ke_.method(), .data = ke_.public_value()});
    payloads.emplace_back(wire::Notify{.type = NotifyType::additional_key_exchange, .data = link_});
    return payloads;
}

Result<bool> FollowUpInitiator::handle(const wire::Payloads& response, const Environment& env) {
    const auto* ke = wire::find<wire::KeyExchange>(response);
    if (wire::count<wire::KeyExchange>(response) != 1 || ke->method != ke_.method()) {
        return std::unexpected(bad_payloads(ExchangeType::ike_followup_ke,
                                            "one KE of " + to_string(ke_.method()), response));
    }
    auto shared = ke_.derive(ke->data);
    if (!shared) { return std::unexpected(std::move(shared).error()); }
    join(secrets_, *shared);
    if (left_.empty()) { return true; }
    auto link = link_in(response, ExchangeType::ike_followup_ke);
    if (!link) { return std::unexpected(std::move(link).error()); }
    auto next = crypto::KeyExchange::create(left_.front(), env.random());
    if (!next) { return std::unexpected(std::move(next).error()); }
    left_.erase(left_.begin());
    ke_ = std::move(*next);
    link_ = std::move(*link);
    return false;
}

FollowUpResponder::FollowUpResponder(std::vector<crypto::KeMethod> methods, const Environment& env)
    : left_(std::move(methods)), link_(env.random().bytes(link_size)) {}

wire::Notify FollowUpResponder::link() const {
    return {.type = NotifyType::additional_key_exchange, .data = link_};
}

bool FollowUpResponder::is_for(const wire::Payloads& request) const {
    const auto* link = wire::find_notify(request, NotifyType::additional_key_exchange);
    return link != nullptr && link->data == link_;
}

Result<wire::Payloads> FollowUpResponder::answer(const wire::Payloads& request,
                                                 const Environment& env) {
    ASSERT(!left_.empty());
    const auto* ke = wire::find<wire::KeyExchange>(request);
    if (wire::count<wire::KeyExchange>(request) != 1 || ke->method != left_.front()) {
        return std::unexpected(bad_payloads(ExchangeType::ike_followup_ke,
                                            "one KE of " + to_string(left_.front()), request));
    }
    auto own = crypto::KeyExchange::create(ke->method, env.random());
    auto shared = own ? own->derive(ke->data) : Result<Secret>{std::unexpected(own.error())};
    if (!shared) {
        Error error = std::move(shared).error();
        error.notify = NotifyType::invalid_syntax;
        return std::unexpected(std::move(error));
    }
    join(secrets_, *shared);
    left_.erase(left_.begin());
    wire::Payloads response;
    response.emplace_back(wire::KeyExchange{.method = own->method(), .data = own->public_value()});
    if (!left_.empty()) {
        link_ = env.random().bytes(link_size);
        response.emplace_back(link());
    }
    return response;
}

}  // namespace culvert::ike::v2
