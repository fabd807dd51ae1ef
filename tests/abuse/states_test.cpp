// Abuse cases S and D: the right thing at the wrong time.

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using States = AbuseTest;
using std::chrono::seconds;

Bytes octets_of(EspSpi spi) {
    Writer out;
    out.u32(spi.value());
    return out.take();
}

wire::Payloads only(wire::Payload payload) {
    wire::Payloads payloads;
    payloads.push_back(std::move(payload));
    return payloads;
}

TEST_F(States, S02MessageIdsOutsideTheWindowChangeNothing) {
    ASSERT_TRUE(eve.up());
    const std::uint32_t right = eve.next_id;
    const Bytes request = eve.sealed(eve.header(ExchangeType::informational), {});
    const auto first = eve.send(request);
    ASSERT_EQ(first.size(), 1U);
    EXPECT_EQ(eve.send(request), first);  // the same, bit for bit (RFC 7296 2.1)
    for (const std::uint32_t id : {0U, 1U, right + 2, right + 100, 0x7fffffffU, 0xffffffffU}) {
        eve.next_id = id;
        for (const Bytes& answer :
             eve.send(eve.sealed(eve.header(ExchangeType::informational), {}))) {
            // At most the INVALID_MESSAGE_ID of 2.3, which is a request of its own.
            EXPECT_FALSE(wire::parse_header(answer).value().flags.response) << id;
        }
    }
    // A response that was never asked for, and both flags wrong.
    for (const bool initiator : {true, false}) {
        wire::IkeHeader header = eve.header(ExchangeType::informational);
        header.message_id = MessageId{5};
        header.flags = {.initiator = initiator, .response = true};
        EXPECT_TRUE(eve.send(eve.sealed(header, {})).empty());
    }
    eve.next_id = right + 1;
    EXPECT_TRUE(eve.alive());
}

TEST_F(States, S03OurOwnMessagesSentBackToUsAreDropped) {
    const auto answer = eve.say_init(eve.init_payloads());
    ASSERT_EQ(answer.size(), 1U);
    EXPECT_TRUE(eve.send(answer.front()).empty());
    ASSERT_TRUE(eve.take_init_answer(answer.front()));
    const Bytes auth = eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads());
    const auto second = eve.send(auth);
    ASSERT_EQ(second.size(), 1U);
    EXPECT_TRUE(eve.send(second.front()).empty());
    // SPIs swapped.
    Bytes swapped = second.front();
    std::swap_ranges(swapped.begin(), swapped.begin() + 8, swapped.begin() + 8);
    for (const Bytes& said : eve.send(swapped)) {
        EXPECT_TRUE(has(wire::parse_message(said).value().payloads, NotifyType::invalid_ike_spi));
    }
    eve.next_id = 2;
    EXPECT_TRUE(eve.alive());
}

TEST_F(States, S04AReplayedExchangeMakesNothingNew) {
    ASSERT_TRUE(eve.init());
    const Bytes auth = eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads());
    const auto answer = eve.send(auth);
    ASSERT_EQ(answer.size(), 1U);
    const std::size_t sas = ike_sas();
    EXPECT_EQ(eve.send(auth), answer);
    // IKE_SA_INIT again, from here and from elsewhere.
    eve.send(eve.first_message());
    const Endpoint home = std::exchange(eve.at, {ip("192.0.2.66"), 4001});
    eve.send(eve.first_message());
    eve.send(auth);
    eve.at = {ip("198.51.100.9"), 500};
    EXPECT_TRUE(eve.send(eve.first_message()).empty());
    eve.at = home;
    EXPECT_EQ(ike_sas(), sas);
    eve.next_id = 2;
    EXPECT_TRUE(eve.alive());
    EXPECT_EQ(eve_status()->children.size(), 1U);
}

TEST_F(States, S05RekeyOfAChildSaThatIsNotThere) {  // RFC 7296 2.25
    ASSERT_TRUE(eve.up());
    const auto rekey = [&](ProtocolId protocol, const Bytes& spi) {
        wire::Payloads payloads = eve.create_child_payloads(0xc0660003);
        payloads.insert(
            payloads.begin(),
            wire::Notify{.protocol = protocol, .spi = spi, .type = NotifyType::rekey_sa});
        return eve.ask(ExchangeType::create_child_sa, payloads);
    };
    const EspSpi theirs = eve_status()->children.front().inbound_spi;
    const Bytes mine{0xc0, 0x66, 0x00, 0x01};
    for (const auto& [protocol, spi] :
         {std::pair{ProtocolId::esp, Bytes{1, 2, 3, 4}},
          std::pair{ProtocolId::esp, octets_of(theirs)},  // the wrong direction
          std::pair{ProtocolId::none, mine}, std::pair{ProtocolId::ike, mine},
          std::pair{ProtocolId{4}, mine}, std::pair{ProtocolId::ah, mine},
          std::pair{ProtocolId::esp, Bytes{}}, std::pair{ProtocolId::esp, Bytes(8, 1)}}) {
        EXPECT_TRUE(has(rekey(protocol, spi), NotifyType::child_sa_not_found));
    }
    EXPECT_EQ(eve_status()->children.size(), 1U);
    // And the right one, to see that the others were refused for the right reason.
    const auto done = rekey(ProtocolId::esp, mine);
    EXPECT_NE(wire::find<wire::SecurityAssociation>(done.value()), nullptr);
}

TEST_F(States, S05RekeyOfAChildSaThatIsBeingDeleted) {  // RFC 7296 2.25.1
    ASSERT_TRUE(eve.up());
    const auto said = eve.feed(Terminate{.id = CommandId{60}, .ike = "eve", .child = "net"});
    ASSERT_EQ(said.size(), 1U);
    ASSERT_EQ(eve_status()->children.front().state, ChildState::deleting);
    wire::Payloads payloads = eve.create_child_payloads(0xc0660004);
    payloads.insert(payloads.begin(), wire::Notify{.protocol = ProtocolId::esp,
                                                   .spi = {0xc0, 0x66, 0, 1},
                                                   .type = NotifyType::rekey_sa});
    const auto refused = eve.ask(ExchangeType::create_child_sa, payloads);
    EXPECT_TRUE(has(refused, NotifyType::temporary_failure));
    EXPECT_EQ(eve_status()->children.size(), 1U);
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 0U);
    // The peer's answer ends it, and then there is none to rekey.
    eve.answer(said.front(), {wire::Delete::esp({EspSpi{0xc0660001}})});
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 1U);
    EXPECT_TRUE(eve_status()->children.empty());
    EXPECT_TRUE(
        has(eve.ask(ExchangeType::create_child_sa, payloads), NotifyType::child_sa_not_found));
}

TEST_F(States, S06SpisThatCannotBe) {
    wire::IkeHeader header = eve.init_header();
    header.initiator_spi = IkeSpi{};
    EXPECT_TRUE(eve.send(wire::write(header, eve.init_payloads())).empty());
    header = eve.init_header();
    header.responder_spi = IkeSpi{1};
    EXPECT_TRUE(eve.send(wire::write(header, eve.init_payloads())).empty());
    header = eve.init_header();
    header.message_id = MessageId{1};
    EXPECT_TRUE(eve.send(wire::write(header, eve.init_payloads())).empty());
    ASSERT_TRUE(eve.init());
    // Zero after IKE_SA_INIT.
    header = eve.header(ExchangeType::ike_auth);
    header.responder_spi = IkeSpi{};
    for (const Bytes& answer : eve.send(eve.sealed(header, {}))) {
        EXPECT_TRUE(has(wire::parse_message(answer).value().payloads, NotifyType::invalid_ike_spi));
    }
}

TEST_F(States, S06AnSpiThatIsInUseBeginsNothing) {
    // Whoever comes is served, so that it is not the address that is refused.
    Config open = victim_config();
    open.connections.back().remote_addrs = {{.text = "%any", .any = true, .ranges = {}}};
    configure(std::move(open));
    ASSERT_TRUE(eve.init());
    const Bytes nonce = std::exchange(eve.nonce, Bytes(32, 9));
    const Bytes other = wire::write(eve.init_header(), eve.init_payloads());
    const Endpoint home = eve.at;
    for (const Endpoint& from :
         {home, Endpoint{ip("192.0.2.66"), 4001}, Endpoint{ip("198.51.100.9"), 500}}) {
        eve.at = from;
        EXPECT_TRUE(eve.send(other).empty()) << from.to_string();
        EXPECT_TRUE(eve.send(eve.first_message()).empty() || from == home) << from.to_string();
        EXPECT_EQ(pair.two.engine().half_open(), 1U);
    }
    // From there another SPI is served.
    HandPeer second{pair.two, pair.now, 67};
    second.at = eve.at;
    EXPECT_TRUE(second.init());
    // And the one whose SPI it is comes up.
    eve.at = home;
    eve.nonce = nonce;
    ASSERT_TRUE(eve.ask(ExchangeType::ike_auth, eve.auth_payloads()));
    EXPECT_EQ(eve_status()->state, IkeState::established);
}

TEST_F(States, S07AnUnknownIdentityLooksLikeAWrongSecret) {
    std::vector<Bytes> sizes;
    for (const bool unknown : {false, true}) {
        eve.begin_again();
        ASSERT_TRUE(eve.init());
        eve.id = identity(unknown ? "nob.example" : "g66.example");
        eve.secret = to_bytes(as_bytes("a wrong secret"));
        const Bytes request = eve.sealed(eve.header(ExchangeType::ike_auth), eve.auth_payloads());
        const auto answers = eve.send(request);
        ASSERT_EQ(answers.size(), 1U);
        const auto opened = eve.open(answers.front());
        ASSERT_TRUE(has(opened, NotifyType::authentication_failed));
        EXPECT_EQ(opened->size(), 1U);
        EXPECT_EQ(eve.send(request), answers);  // retransmitted meanwhile
        sizes.push_back(Bytes(answers.front().begin() + 16, answers.front().begin() + 28));
    }
    EXPECT_EQ(sizes[0], sizes[1]);
}

// The peer is busy whenever we rekey: we ask again a few times and then leave it; nothing is lost,
// nothing piles up, and what the peer wants itself is done meanwhile.
TEST_F(States, S08AStormOfTemporaryFailuresEnds) {  // RFC 7296 2.25
    ASSERT_TRUE(eve.up());
    // What is asked again later is answered NO_PROPOSAL_CHOSEN: for a minute that is the end of it.
    const auto come_to_rest = [&] {
        for (unsigned i = 0; i < 60 && !eve_status()->tasks_active.empty(); ++i) {
            pair.now += seconds{1};
            for (const Bytes& request : eve.tick()) {
                eve.answer(request, only(wire::Notify{.type = NotifyType::no_proposal_chosen}));
            }
        }
    };
    const auto asked_again = [&] {
        for (unsigned i = 0; i < 120; ++i) {
            pair.now += seconds{1};
            for (const Bytes& request : eve.tick()) {
                eve.answer(request, only(wire::Notify{.type = NotifyType::no_proposal_chosen}));
                return true;
            }
        }
        return false;
    };
    for (const bool of_child : {true, false}) {
        SCOPED_TRACE(of_child ? "Child SA" : "IKE SA");
        const CommandId command{of_child ? 61U : 62U};
        const EspSpi before = eve_status()->children.front().inbound_spi;
        auto said = eve.feed(Rekey{.id = command,
                                   .ike = of_child ? "" : "eve",
                                   .child = of_child ? "net" : "",
                                   .ike_id = eve_status()->unique_id});
        unsigned storms = 0;
        for (unsigned i = 0; i < 1000 && !pair.two.ended(command.value()); ++i) {
            for (const Bytes& request : said) {
                ++storms;
                eve.answer(request, only(wire::Notify{.type = NotifyType::temporary_failure}));
            }
            EXPECT_TRUE(eve.alive());
            pair.now += seconds{1};
            said = eve.tick();
        }
        come_to_rest();
        // The Child SA's own next try falls into the second.
        EXPECT_GE(storms, temporary_failures_max + 1);
        EXPECT_LE(storms, 3 * (temporary_failures_max + 1));
        const auto ended = pair.two.ended(command.value());
        ASSERT_TRUE(ended);
        EXPECT_FALSE(*ended);
        EXPECT_EQ(eve_status()->state, IkeState::established);
        ASSERT_EQ(eve_status()->children.size(), 1U);
        EXPECT_EQ(eve_status()->children.front().state, ChildState::installed);
        EXPECT_EQ(eve_status()->children.front().inbound_spi, before);
        EXPECT_TRUE(eve_status()->tasks_queued.empty());
        EXPECT_TRUE(eve_status()->tasks_active.empty());
        EXPECT_TRUE(asked_again()) << "the need for fresh keys was forgotten";
        come_to_rest();
    }
    EXPECT_TRUE(pair.two.all<RemoveChild>().empty());
    EXPECT_EQ(pair.two.all<InstallChild>().size(), 2U);  // the honest one's, and this one's
    // The peer's own rekey finds what there is.
    wire::Payloads payloads = eve.create_child_payloads(0xc0660005);
    payloads.insert(payloads.begin(), wire::Notify{.protocol = ProtocolId::esp,
                                                   .spi = {0xc0, 0x66, 0, 1},
                                                   .type = NotifyType::rekey_sa});
    EXPECT_NE(wire::find<wire::SecurityAssociation>(
                  eve.ask(ExchangeType::create_child_sa, payloads).value()),
              nullptr);
}

TEST_F(States, S09AFirstMessageThatWasChangedFailsAuthentication) {  // RFC 7296 2.15
    // The strong proposals were stripped on the way: the victim saw another first message.
    const Bytes whole = eve.init_request();
    eve.proposals.erase(eve.proposals.begin() + 1, eve.proposals.end());
    ASSERT_TRUE(eve.init());
    eve.claim_first_message(whole);
    EXPECT_TRUE(has(eve.ask(ExchangeType::ike_auth, eve.auth_payloads()),
                    NotifyType::authentication_failed));
    EXPECT_FALSE(eve_status() && eve_status()->state == IkeState::established);
}

TEST_F(States, S11InitialContactOfOthersDropsNothing) {  // RFC 7296 2.4
    const auto with_initial_contact = [&] {
        wire::Payloads payloads = eve.auth_payloads();
        payloads.emplace_back(wire::Notify{.type = NotifyType::initial_contact});
        return payloads;
    };
    const std::uint64_t honest = pair.one.engine().status(pair.now).front().responder_spi;
    const auto stands = [&] {
        return std::ranges::any_of(
            pair.two.engine().status(pair.now), [&](const IkeSaStatus& status) {
                return status.responder_spi == honest && status.state == IkeState::established;
            });
    };
    // In the clear, under a wrong secret of the honest one's name, and authentic by another name.
    wire::Payloads clear = eve.init_payloads();
    clear.emplace_back(wire::Notify{.type = NotifyType::initial_contact});
    ASSERT_TRUE(eve.take_init_answer(eve.say_init(clear).front()));
    eve.id = identity("g1.example");
    eve.secret = to_bytes(as_bytes("a wrong secret"));
    EXPECT_TRUE(has(eve.ask(ExchangeType::ike_auth, with_initial_contact()),
                    NotifyType::authentication_failed));
    EXPECT_TRUE(stands());
    eve.begin_again();
    eve.id = identity("g66.example");
    eve.secret = to_bytes(as_bytes("only for the tests"));
    ASSERT_TRUE(eve.init());
    ASSERT_TRUE(eve.ask(ExchangeType::ike_auth, with_initial_contact()));
    EXPECT_TRUE(eve_status());
    EXPECT_TRUE(stands());
}

TEST_F(States, S14ChildlessThenAThousandChildSasMeetALimit) {  // RFC 6023
    ASSERT_TRUE(eve.init());
    const auto childless =
        eve.ask(ExchangeType::ike_auth, {wire::IdInitiator{.identity = eve.id}, eve.auth()});
    ASSERT_TRUE(childless && wire::find<wire::Authentication>(*childless) != nullptr);
    ASSERT_EQ(wire::find<wire::SecurityAssociation>(*childless), nullptr);
    ASSERT_EQ(eve_status()->state, IkeState::established);
    EXPECT_TRUE(eve_status()->children.empty());
    const auto create = [&](std::uint32_t number) {
        return eve.ask(ExchangeType::create_child_sa,
                       eve.create_child_payloads(0xc1000000 + number));
    };
    std::size_t made = 0;
    std::size_t refused = 0;
    for (std::uint32_t i = 0; i < 1000; ++i) {
        const auto answer = create(i);
        ASSERT_TRUE(answer);
        made += wire::find<wire::SecurityAssociation>(*answer) != nullptr ? 1 : 0;
        refused += has(answer, NotifyType::no_additional_sas) ? 1 : 0;
    }
    EXPECT_EQ(made, children_max);
    EXPECT_EQ(refused, 1000 - children_max);
    EXPECT_EQ(eve_status()->children.size(), children_max);
    // One goes, and there is room for one.
    EXPECT_TRUE(
        eve.ask(ExchangeType::informational, only(wire::Delete::esp({EspSpi{0xc1000000}}))));
    EXPECT_NE(wire::find<wire::SecurityAssociation>(create(1000).value()), nullptr);
    EXPECT_TRUE(has(create(1001), NotifyType::no_additional_sas));
    EXPECT_TRUE(eve.alive());
}

TEST_F(States, D01DeletesOfWhatIsNotThere) {
    ASSERT_TRUE(eve.up());
    const auto honest = pair.one.engine().status(pair.now).front().children.front();
    for (const auto& [protocol, spi] :
         {std::pair{ProtocolId::esp, Bytes{1, 2, 3, 4}},
          std::pair{ProtocolId::esp, octets_of(honest.inbound_spi)},
          std::pair{ProtocolId::esp, octets_of(honest.outbound_spi)},
          std::pair{ProtocolId::ah, Bytes{0xc0, 0x66, 0, 1}}, std::pair{ProtocolId::esp, Bytes{1}},
          std::pair{ProtocolId{9}, Bytes(200, 1)}}) {
        const auto answer =
            eve.ask(ExchangeType::informational,
                    only(wire::Delete{.protocol = protocol,
                                      .spi_size = static_cast<std::uint8_t>(spi.size()),
                                      .spis = {spi}}));
        ASSERT_TRUE(answer);
        EXPECT_EQ(wire::find<wire::Delete>(*answer), nullptr);
    }
    // As many as fit.
    wire::Delete many{.protocol = ProtocolId::esp, .spi_size = 4, .spis = {}};
    for (unsigned i = 0; i < 1000; ++i) { many.spis.push_back(octets_of(EspSpi{0x1000 + i})); }
    EXPECT_TRUE(eve.ask(ExchangeType::informational, only(many)));
    EXPECT_EQ(eve_status()->children.size(), 1U);
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 0U);
    // A count that lies is no payload at all.
    const Bytes lies{0, 0, 0, 12, 3, 4, 0xea, 0x60, 1, 2, 3, 4};
    EXPECT_TRUE(has(
        eve.ask_octets(eve.sealed_octets(ExchangeType::informational, PayloadType::delete_, lies)),
        NotifyType::invalid_syntax));
}

TEST_F(States, D02TheIkeSaIsDeletedOnce) {
    ASSERT_TRUE(eve.up());
    wire::Payloads twice = only(wire::Delete::ike_sa());
    twice.emplace_back(wire::Delete::ike_sa());
    twice.emplace_back(wire::Delete::esp({EspSpi{0xc0660001}}));
    twice.emplace_back(wire::VendorId{.data = {1, 2, 3}});
    EXPECT_TRUE(eve.ask(ExchangeType::informational, twice));
    EXPECT_FALSE(eve_status());
    EXPECT_EQ(pair.two.all<RemoveChild>().size(), 1U);
    EXPECT_FALSE(eve.alive());
}

// RFC 7296 1.4.1 has it in INFORMATIONAL exchanges: in IKE_AUTH it deletes nothing.
TEST_F(States, D02ADeleteInIkeAuthDeletesNothing) {
    ASSERT_TRUE(eve.init());
    wire::Payloads payloads = eve.auth_payloads();
    payloads.emplace_back(wire::Delete::ike_sa());
    payloads.emplace_back(wire::Delete::esp({EspSpi{0xc0660001}}));
    const auto answer = eve.ask(ExchangeType::ike_auth, payloads);
    ASSERT_TRUE(answer);
    EXPECT_NE(wire::find<wire::Authentication>(*answer), nullptr);
    EXPECT_EQ(wire::find<wire::Delete>(*answer), nullptr);
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
    ASSERT_TRUE(eve_status());
    EXPECT_EQ(eve_status()->state, IkeState::established);
    EXPECT_EQ(eve_status()->children.size(), 1U);
    EXPECT_TRUE(pair.two.all<RemoveChild>().empty());
    // Nor does it where authentication fails: nothing of it stays.
    eve.begin_again();
    eve.secret = to_bytes(as_bytes("a wrong secret"));
    ASSERT_TRUE(eve.init());
    payloads = eve.auth_payloads();
    payloads.emplace_back(wire::Delete::ike_sa());
    EXPECT_TRUE(has(eve.ask(ExchangeType::ike_auth, payloads), NotifyType::authentication_failed));
    EXPECT_EQ(eve_status()->state, IkeState::established);
}

}  // namespace
}  // namespace culvert::ike::v2
