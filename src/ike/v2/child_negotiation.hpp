#pragma once
// A Child SA's part of IKE_AUTH and CREATE_CHILD_SA (RFC 7296 1.2, 1.3.1, 2.9, 2.17): the offer,
// the answer, the check of the answer, and the installation.

#include <optional>

#include "ike/auth/key_material.hpp"
#include "ike/v2/environment.hpp"
#include "ike/v2/sa_core.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::v2 {

// What a packet that matched a trap looked like: it goes first in the offer (RFC 7296 2.9).
struct PacketSelectors {
    TrafficSelector local;
    TrafficSelector remote;
};

struct ChildOffer {
    ChildRef config;
    ReqId reqid{};
    EspSpi inbound_spi{};
    Proposals proposals;  // with our SPI
    SelectorPair selectors;
    bool transport = false;
    bool with_ke = false;  // key exchange transforms are in `proposals`
    std::optional<std::uint16_t> resource{};

    bool ah_alone() const;
    std::string to_string() const;  // for errors: proposals and selectors
};

// Something of what the child may be can work on this path: AH alone cannot where a NAT is. Ask it
// before make_offer(), which leaves AH out then.
Status check_path(const SaCore& sa, const ChildConfig& config);
// Whether its selectors are what its configuration means with the ends as they are now: those of a
// host that moved are not, where they are `dynamic`.
bool fits_the_ends(const Child& child, const SaCore& sa);
// `with_ke` false: as in IKE_AUTH, where no key exchange transform may stand. `rekeyed`: the Child
// SA that is to be replaced.
ChildOffer make_offer(const SaCore& sa, const ChildRef& config, bool with_ke,
                      const std::optional<PacketSelectors>& packet, const Child* rekeyed,
                      const Environment& env);
// N(USE_TRANSPORT_MODE), N(SA_RESOURCE_INFO), SA.
void add_sa_payloads(wire::Payloads& out, const ChildOffer& offer);
void add_ts_payloads(wire::Payloads& out, const ChildOffer& offer);

struct AgreedChild {
    ChildRef config;
    ReqId reqid{};
    IpsecSuite suite;
    crypto::KeMethod ke = crypto::KeMethod::none;
    AdditionalKes additional{};  // RFC 9370
    EspSpi inbound_spi{};
    EspSpi outbound_spi{};
    TransportSelectors traffic;
    IpsecMode mode{};
    bool behind_older = false;                // ChildSa::behind_older
    std::optional<std::uint16_t> resource{};  // both ends have several alike (RFC 9611)
    bool no_tfc_padding = false;              // the peer cannot take it (RFC 7296 1.3.1)
};

// From the first to the last address of its family.
bool is_everything(const IpRange& range);

// For a new child: which of what was asked for the peer's answer has left out.
void tell_what_was_left_out(const SaCore& sa, const ChildOffer& offer, const AgreedChild& agreed,
                            const Environment& env);

// The initiator's check of SA, TSi, TSr in a response without error notify.
Result<AgreedChild> check_child_answer(const SaCore& sa, const ChildOffer& offer,
                                       const wire::Payloads& response);

struct ChildAnswer {
    AgreedChild agreed;
    Proposal proposal;  // with our SPI
};
// The responder's choice. `rekeyed`: the Child SA that is to be replaced. Takes an SPI only on
// success.
Result<ChildAnswer> answer_child_offer(const SaCore& sa, const wire::Payloads& request,
                                       bool with_ke, const Child* rekeyed, const Environment& env);
void add_answer_sa(wire::Payloads& out, const ChildAnswer& answer);
void add_answer_ts(wire::Payloads& out, const ChildAnswer& answer);

// Into the SA and, as an action, into the plane.
ChildSaId install_child(SaCore& sa, const AgreedChild& agreed, ChildKeys keys, bool we_initiated,
                        const Environment& env);
// Out of both. `why` goes into the event.
void remove_child(SaCore& sa, ChildSaId id, std::string_view why, const Environment& env);
// Outbound traffic goes to its successor from now on; inbound lives until the Delete.
void stop_sending(Child& child, const Environment& env);
// Another one takes over. It goes on sending, if it did, until stop_sending() or its end.
void replaced(Child& child);

// SPI of a proposal or notify, 4 octets (RFC 7296 3.3.1).
std::optional<EspSpi> esp_spi_of(ByteView spi);
Bytes octets_of(EspSpi spi);
crypto::KeMethod first_ke(const Proposals& proposals);
bool offers_ke(const Proposals& proposals, crypto::KeMethod method);

}  // namespace culvert::ike::v2
