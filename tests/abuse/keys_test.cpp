// Abuse cases K: public values that nobody honest sends, and whether ours are fresh (V-06).

#include <array>
#include <set>

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using crypto::KeMethod;
using Keys = AbuseTest;

// RFC 3526 3: the prime of the 2048-bit MODP group.
Bytes modp2048() {
    return from_hex(
               "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514"
               "a08"
               "798e3404ddef9519b3cd3a431b302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a"
               "637"
               "ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe649286651ece45b3dc2007cb8a163bf0"
               "598"
               "da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d670c3"
               "54e"
               "4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4"
               "c52"
               "c9de2bcbf6955817183995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff")
        .value();
}

struct PublicValues : AbuseTest {
    // The victim says nothing and keeps nothing, and takes a good value afterwards.
    void refuses(KeMethod method, const Bytes& value, std::string_view what) {
        SCOPED_TRACE(what);
        eve.begin_again();
        only(method);
        eve.ke_value = value;
        EXPECT_TRUE(eve.say_init(eve.init_payloads()).empty());
        EXPECT_EQ(pair.two.engine().half_open(), 0U);
    }
    void takes_a_good_one(KeMethod method) {
        eve.begin_again();
        only(method);
        EXPECT_TRUE(eve.up());
    }
    // So that the victim chooses this group.
    void only(KeMethod method) {
        eve.proposals = parse_proposals(ProtocolId::ike, eve_proposals).value();
        std::erase_if(eve.proposals, [&](const Proposal& proposal) {
            return proposal.transforms.back().id != std::to_underlying(method) &&
                   std::ranges::none_of(proposal.transforms, [&](const Transform& transform) {
                       return transform.type == TransformType::ke &&
                              transform.id == std::to_underlying(method);
                   });
        });
        ASSERT_EQ(eve.proposals.size(), 1U);
        eve.use(method);
    }
};

TEST_F(Keys, K01GroupsThatAreNotTheProposalsOne) {  // RFC 7296 1.2
    for (std::uint32_t group = 0; group < 65536; group += group < 64 ? 1 : 251) {
        if (group == std::to_underlying(KeMethod::curve25519)) { continue; }
        wire::Payloads payloads = eve.init_payloads();
        std::get<wire::KeyExchange>(payloads[1]).method =
            KeMethod{static_cast<std::uint16_t>(group)};
        const auto answer = eve.try_init(payloads);
        ASSERT_TRUE(has(answer, NotifyType::invalid_ke_payload)) << group;
        EXPECT_EQ(wire::find_notify(*answer, NotifyType::invalid_ke_payload)->data, (Bytes{0, 31}));
    }
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
}

// The groups of small subgroups (RFC 5114) and ML-KEM are not built: no value of theirs is looked
// at.
TEST_F(Keys, K06K07GroupsThatAreNotBuiltAreNotChosen) {
    for (const std::uint16_t group : std::initializer_list<std::uint16_t>{22, 23, 24, 35, 36, 37}) {
        eve.begin_again();
        eve.proposals = parse_proposals(ProtocolId::ike, "aes256gcm16-prfsha384-x25519").value();
        for (Transform& transform : eve.proposals.front().transforms) {
            if (transform.type == TransformType::ke) { transform.id = group; }
        }
        wire::Payloads payloads = eve.init_payloads();
        std::get<wire::KeyExchange>(payloads[1]) = {.method = KeMethod{group},
                                                    .data = Bytes(1184, 1)};
        EXPECT_TRUE(has(eve.try_init(payloads), NotifyType::no_proposal_chosen)) << group;
        EXPECT_EQ(pair.two.engine().half_open(), 0U);
    }
}

TEST_F(PublicValues, K02ModpValuesAtTheEdges) {  // RFC 6989 2.1
    const Bytes p = modp2048();
    Bytes p_minus_1 = p;
    p_minus_1.back() -= 1;
    Bytes p_plus_1 = p;
    // The last octets of p are ff: the carry runs through them.
    for (auto at = p_plus_1.rbegin(); at != p_plus_1.rend() && ++*at == 0; ++at) {}
    Bytes one(256, 0);
    one.back() = 1;
    refuses(KeMethod::modp2048, Bytes(256, 0), "0");
    refuses(KeMethod::modp2048, one, "1");
    refuses(KeMethod::modp2048, p_minus_1, "p - 1");
    refuses(KeMethod::modp2048, p, "p");
    refuses(KeMethod::modp2048, p_plus_1, "p + 1");
    refuses(KeMethod::modp2048, Bytes(255, 1), "leading zeros cut");
    takes_a_good_one(KeMethod::modp2048);
}

TEST_F(PublicValues, K03EcpPointsThatAreNone) {  // RFC 6989 2.3
    crypto::KeyExchange good = crypto::KeyExchange::create(KeMethod::ecp256, eve.random()).value();
    Bytes off = good.public_value();
    off.back() ^= 1;
    Bytes beyond = good.public_value();
    std::fill_n(beyond.begin(), 32, std::uint8_t{0xff});
    Bytes compressed(good.public_value().begin(), good.public_value().begin() + 32);
    compressed.insert(compressed.begin(), 2);
    Bytes uncompressed = good.public_value();
    uncompressed.insert(uncompressed.begin(), 4);
    refuses(KeMethod::ecp256, off, "off the curve");
    refuses(KeMethod::ecp256, Bytes(64, 0), "infinity");
    refuses(KeMethod::ecp256, beyond, "x >= p");
    refuses(KeMethod::ecp256, compressed, "compressed");
    refuses(KeMethod::ecp256, uncompressed, "with the octet of X9.62");
    refuses(KeMethod::ecp256, Bytes{0}, "one octet");
    takes_a_good_one(KeMethod::ecp256);
}

TEST_F(PublicValues, K04PointsOfLowOrder) {  // RFC 8031 4, RFC 7748 6
    Bytes one(32, 0);
    one.front() = 1;
    refuses(KeMethod::curve25519, Bytes(32, 0), "0");
    refuses(KeMethod::curve25519, one, "1");
    refuses(KeMethod::curve25519,
            from_hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800").value(),
            "order 8");
    refuses(KeMethod::curve25519,
            from_hex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f").value(),
            "p - 1");
    refuses(KeMethod::curve448, Bytes(56, 0), "X448 0");
    Bytes one448(56, 0);
    one448.front() = 1;
    refuses(KeMethod::curve448, one448, "X448 1");
    takes_a_good_one(KeMethod::curve448);
}

TEST_F(PublicValues, K05LengthsThatAreNotTheGroups) {
    for (const KeMethod method :
         {KeMethod::curve25519, KeMethod::modp2048, KeMethod::ecp256, KeMethod::curve448}) {
        const std::size_t right = crypto::KeyExchange::public_size(method);
        for (const std::size_t size : {std::size_t{1}, right - 1, right + 1, std::size_t{60000}}) {
            refuses(method, Bytes(size, 5), std::to_string(size));
        }
        takes_a_good_one(method);
    }
}

// What the initiator `pair.one` says to one that answers IKE_SA_INIT by hand.
struct Initiating : testing::Test {
    Initiating() : pair(config(), gateway_config(2, 1)) {}
    static Config config() {
        Config config = gateway_config(1, 2);
        config.connections.front().proposals =
            parse_proposals(ProtocolId::ike,
                            "aes256gcm16-prfsha384-x25519-ecp256, aes256gcm16-prfsha384-ecp384")
                .value();
        return config;
    }
    void initiate() {
        pair.one.take(pair.one.engine().handle(
            Initiate{.id = CommandId{1}, .connection = "gw", .child = "net"}, pair.now));
    }
    void answer(wire::Notify notify) {
        ASSERT_FALSE(pair.one.out.empty());
        const auto request = wire::parse_header(pair.one.out.back().bytes).value();
        pair.one.out.clear();
        const wire::IkeHeader header{.initiator_spi = request.initiator_spi,
                                     .exchange = ExchangeType::ike_sa_init,
                                     .flags = {.response = true}};
        wire::Payloads payloads;
        payloads.emplace_back(std::move(notify));
        pair.one.take(pair.one.engine().handle(Datagram{.local = {ip("192.0.2.1"), 500},
                                                        .remote = {ip("192.0.2.2"), 500},
                                                        .bytes = wire::write(header, payloads)},
                                               pair.now));
    }
    static wire::Notify group(KeMethod method) {
        Writer data;
        data.u16(std::to_underlying(method));
        return {.type = NotifyType::invalid_ke_payload, .data = data.take()};
    }
    KeMethod sent() const {
        const auto message = wire::parse_message(pair.one.out.back().bytes).value();
        return wire::find<wire::KeyExchange>(message.payloads)->method;
    }
    EnginePair pair;
};

TEST_F(Initiating, K08AResponderThatAlternatesGroupsIsGivenUp) {
    initiate();
    answer(group(KeMethod::ecp384));
    ASSERT_EQ(pair.one.out.size(), 1U);
    EXPECT_EQ(sent(), KeMethod::ecp384);
    answer(group(KeMethod::ecp256));
    const auto ended = pair.one.ended(1);
    ASSERT_TRUE(ended);
    EXPECT_FALSE(*ended);
}

TEST_F(Initiating, K08AGroupThatWasNotOfferedIsRefused) {
    initiate();
    answer(group(KeMethod::modp1024));
    const auto ended = pair.one.ended(1);
    ASSERT_TRUE(ended);
    EXPECT_FALSE(*ended);
    EXPECT_TRUE(pair.one.out.empty());
}

TEST_F(Initiating, A04AResponderThatAsksForEverNewCookiesIsGivenUp) {  // RFC 7296 2.6
    initiate();
    for (unsigned i = 0; i < 20 && !pair.one.out.empty(); ++i) {
        answer({.type = NotifyType::cookie, .data = Bytes(8, static_cast<std::uint8_t>(i))});
    }
    const auto ended = pair.one.ended(1);
    ASSERT_TRUE(ended);
    EXPECT_FALSE(*ended);
}

TEST_F(Initiating, S13RedirectIsOffByDefault) {  // RFC 5685
    initiate();
    answer({.type = NotifyType::redirect, .data = {1, 4, 192, 0, 2, 99, 1, 2, 3}});
    for (unsigned i = 0; i < 60; ++i) {
        pair.now += std::chrono::seconds{1};
        pair.one.take(pair.one.engine().tick(pair.now));
    }
    EXPECT_FALSE(pair.one.out.empty());  // it asks the one it was told to ask, again and again
    for (const Datagram& datagram : pair.one.out) {
        EXPECT_EQ(datagram.remote.address, ip("192.0.2.2"));
    }
}

TEST_F(Keys, K09OurOwnValuesAreFreshEachTime) {
    std::vector<Bytes> values;
    std::vector<Bytes> nonces;
    for (unsigned i = 0; i < 4; ++i) {
        eve.begin_again();  // and the peer repeats its own
        ASSERT_TRUE(eve.up());
        values.push_back(eve.peer_ke_value);
        nonces.push_back(eve.peer_nonce);
    }
    std::ranges::sort(values);
    std::ranges::sort(nonces);
    EXPECT_EQ(std::ranges::adjacent_find(values), values.end());
    EXPECT_EQ(std::ranges::adjacent_find(nonces), nonces.end());
}

// An IV of AES-GCM is a number that counts from one for each key: after a crash no key may come
// again, though the peer says each time what it said before.
TEST_F(Keys, V06NoKeyOfAChildSaComesAgainAfterARestart) {
    std::set<Bytes> keys;
    constexpr unsigned lives = 20;
    for (unsigned life = 0; life < lives; ++life) {
        pair.two.restart(victim_config());
        eve.next_id = 0;  // with the SPI, nonce and public value that it had
        ASSERT_TRUE(eve.up()) << life;
        for (const InstallChild* one : pair.two.all<InstallChild>()) {
            keys.insert(to_bytes(one->sa.inbound.encryption.reveal()));
            keys.insert(to_bytes(one->sa.outbound.encryption.reveal()));
        }
    }
    EXPECT_EQ(keys.size(), 2U * lives);
    pair.one.restart(gateway_config(1, 2));
    ASSERT_TRUE(pair.up(pair.one)) << pair.one.errors();
}

}  // namespace
}  // namespace culvert::ike::v2
