#pragma once
// Walks through a captured IKEv2 session as a third party that knows the Diffie-Hellman secrets:
// derives every key anew, opens every message, collects the Child SAs.

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "ike/auth/key_material.hpp"
#include "ike/wire/message.hpp"
#include "support/pcap.hpp"
#include "support/vectors.hpp"

namespace culvert::test {

struct ReplayedIkeSa {
    ike::ChosenIkeSuite suite;
    ike::IkeSpi initiator_spi{};
    ike::IkeSpi responder_spi{};
    ike::IkeKeys keys;
    Bytes ni;
    Bytes nr;
    // The messages that made it, and the first of which AUTH covers.
    Bytes request;
    Bytes response;
};

struct ReplayedChildSa {
    IpsecSuite suite;
    std::optional<ike::ChildKeys> keys;  // none where the capture lacks a secret for it
    EspSpi initiator_spi{};              // chosen by the exchange's initiator: in packets to it
    EspSpi responder_spi{};
    IpAddress exchange_initiator;
};

struct ReplayedMessage {
    Bytes datagram;
    ike::wire::Message message;  // opened
    Bytes plaintext;             // of SK
    Bytes iv;
    bool is_protected = false;
    const ReplayedIkeSa* sa = nullptr;  // that protected it
};

struct Replay {
    std::deque<ReplayedIkeSa> ike_sas;
    std::vector<ReplayedChildSa> child_sas;
    std::vector<ReplayedMessage> messages;
};

// The cipher of one direction of an SA, with no IV used.
crypto::IkeCipher cipher_for(const ReplayedIkeSa& sa, const ike::wire::IkeHeader& header);

// Whatever does not fit fails the running test. `dh_secrets`: one for each IKE SA, in order.
Replay replay(const std::vector<CapturedIke>& messages, const std::vector<Bytes>& dh_secrets);

// What the keys.json files say beside a capture.
struct CaptureKeys {
    Json json;
    std::vector<Bytes> dh_secrets;
};
std::optional<CaptureKeys> load_capture_keys(const std::string& name);
std::optional<std::vector<CapturedIke>> load_capture(const std::string& name);

}  // namespace culvert::test
