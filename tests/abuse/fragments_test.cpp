// Abuse cases F: fragments of IKE messages (RFC 7383).

#include <ctime>

#include "abuse/abuse_test.hpp"

namespace culvert::ike::v2 {
namespace {

using std::chrono::seconds;

// The payloads of IKE_AUTH as octets, cut into so many pieces.
std::vector<Bytes> cut(const Bytes& whole, std::size_t pieces) {
    std::vector<Bytes> out;
    const std::size_t size = (whole.size() + pieces - 1) / pieces;
    for (std::size_t at = 0; at < whole.size(); at += size) {
        out.emplace_back(
            whole.begin() + static_cast<std::ptrdiff_t>(at),
            whole.begin() + static_cast<std::ptrdiff_t>(std::min(whole.size(), at + size)));
    }
    return out;
}

struct FragmentedAuth : AbuseTest {
    bool begin(bool fragments = true) {
        eve.begin_again();
        wire::Payloads payloads = eve.init_payloads();
        if (fragments) {
            payloads.emplace_back(wire::Notify{.type = NotifyType::ikev2_fragmentation_supported});
        }
        const auto answers = eve.say_init(payloads);
        if (answers.size() != 1 || !eve.take_init_answer(answers.front())) { return false; }
        const wire::Payloads auth = eve.auth_payloads();
        first = wire::first_type(auth);
        pieces = cut(wire::write_payloads(auth), 4);
        return pieces.size() == 4;
    }
    Bytes piece(std::uint16_t number, std::uint16_t total = 4) {
        return eve.fragment(ExchangeType::ike_auth, number == 1 ? first : PayloadType::none, number,
                            total, pieces.at((number - 1U) % 4));
    }
    // The good set still completes.
    bool completes() {
        std::vector<Bytes> answers;
        for (std::uint16_t n = 1; n <= 4; ++n) { append_to(answers, eve.send(piece(n))); }
        return !answers.empty() && eve_status() && eve_status()->state == IkeState::established;
    }
    static void append_to(std::vector<Bytes>& all, std::vector<Bytes> more) {
        for (Bytes& one : more) { all.push_back(std::move(one)); }
    }
    PayloadType first{};
    std::vector<Bytes> pieces;
};

TEST_F(FragmentedAuth, F01NumbersThatCannotBeAreDropped) {  // RFC 7383 2.5
    ASSERT_TRUE(begin());
    for (const auto& [number, total] : {std::pair<std::uint16_t, std::uint16_t>{0, 4},
                                        {5, 4},
                                        {1, 0},
                                        {0, 0},
                                        {65535, 65535},
                                        {1, 65535}}) {
        EXPECT_TRUE(
            eve.send(eve.fragment(ExchangeType::ike_auth, first, number, total, pieces[0])).empty())
            << number << " of " << total;
    }
    // Payload lengths 0 to 8, the last ones without room for an ICV.
    const Bytes good = piece(1);
    for (std::uint8_t length = 0; length <= 8; ++length) {
        Bytes bad = good;
        bad[30] = 0;
        bad[31] = length;
        EXPECT_TRUE(eve.send(bad).empty());
    }
}

TEST_F(FragmentedAuth, F03TheWorstOrderAndDuplicates) {
    ASSERT_TRUE(begin());
    std::vector<Bytes> answers;
    for (const std::uint16_t n : std::initializer_list<std::uint16_t>{4, 4, 2, 4, 3, 2, 3}) {
        append_to(answers, eve.send(piece(n)));
    }
    EXPECT_TRUE(answers.empty());
    append_to(answers, eve.send(piece(1)));
    EXPECT_FALSE(answers.empty());
    EXPECT_EQ(eve_status()->state, IkeState::established);
}

TEST_F(FragmentedAuth, F03HalfSetsOfOneAddressEnd) {
    for (unsigned i = 0; i < 200; ++i) {
        if (!begin()) { continue; }  // cookies are asked for by now
        eve.send(piece(2));
        eve.send(piece(3));
    }
    EXPECT_LE(pair.two.engine().half_open(), 5U);
    pair.pass(seconds{60});
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
    ASSERT_TRUE(begin());
    EXPECT_TRUE(completes());
}

// Where nothing bounds the half-open IKE SAs, each costs its own and no more.
TEST_F(FragmentedAuth, F03TenThousandHalfSetsCostAsMuchEachAsAThousand) {
    count_no_half_open();
    pair.two.checked = false;  // all of them after each message: that would be what is measured
    constexpr std::size_t few = 1000;
    constexpr std::size_t many = 10000;
    std::vector<Bytes> first_pieces;
    std::vector<Bytes> last_pieces;
    // What the victim takes for the pieces, each of another IKE SA.
    const auto effort_of = [&](const std::vector<Bytes>& of_all) {
        const std::clock_t start = std::clock();
        for (const Bytes& one : of_all) { EXPECT_TRUE(eve.send(one).empty()); }
        return std::clock() - start;
    };
    std::clock_t among_few = 0;
    for (std::size_t i = 0; i < many; ++i) {
        ASSERT_TRUE(begin());
        if (i < few) {
            first_pieces.push_back(piece(4));
            last_pieces.push_back(piece(3));
        } else {
            EXPECT_TRUE(eve.send(piece(4)).empty());
        }
        if (i + 1 == few) { among_few = effort_of(first_pieces); }
    }
    EXPECT_EQ(pair.two.engine().half_open(), many);
    const std::clock_t among_many = effort_of(last_pieces);
    EXPECT_LE(among_many, 6 * among_few);
    RecordProperty("among_few", std::to_string(among_few));
    RecordProperty("among_many", std::to_string(among_many));
    // The last of them may still complete; then all end.
    std::vector<Bytes> answers;
    for (const std::uint16_t n : std::initializer_list<std::uint16_t>{3, 2, 1}) {
        append_to(answers, eve.send(piece(n)));
    }
    EXPECT_FALSE(answers.empty());
    EXPECT_EQ(pair.two.engine().half_open(), many - 1);
    pair.two.checked = true;
    pair.now += seconds{31};
    pair.two.take(pair.two.engine().tick(pair.now));
    EXPECT_EQ(pair.two.engine().half_open(), 0U);
    EXPECT_EQ(ike_sas(), 2U);  // the honest one, and the one that completed
}

TEST_F(FragmentedAuth, F03ASetHoldsNoMoreThanItsCap) {
    // Four pieces of which each is allowed: with `padding` octets that mean nothing.
    const auto answers_to = [&](std::size_t padding) {
        EXPECT_TRUE(begin());
        wire::Payloads auth = eve.auth_payloads();
        auth.emplace_back(wire::VendorId{.data = Bytes(padding / 2, 7)});
        auth.emplace_back(wire::VendorId{.data = Bytes(padding / 2, 7)});
        pieces = cut(wire::write_payloads(auth), 4);
        std::vector<Bytes> answers;
        for (std::uint16_t n = 1; n <= 4; ++n) { append_to(answers, eve.send(piece(n))); }
        return answers.size();
    };
    EXPECT_EQ(answers_to(fragments_bytes_max), 0U);
    EXPECT_EQ(pair.two.engine().half_open(), 1U);
    EXPECT_EQ(answers_to(fragments_bytes_max - 1000), 1U);
}

TEST_F(FragmentedAuth, F04TheTotalChangesMidway) {  // RFC 7383 2.6
    ASSERT_TRUE(begin());
    EXPECT_TRUE(eve.send(piece(2)).empty());
    EXPECT_TRUE(eve.send(piece(1, 3)).empty());  // fewer pieces than before: old, left out
    EXPECT_TRUE(completes());
}

// Of an IKE SA that is not there; and from a peer that did not announce them, of which they are
// taken as strongSwan takes them, whatever `fragmentation` says.
TEST_F(FragmentedAuth, F04FragmentsThatWereNotNegotiated) {
    ASSERT_TRUE(begin());
    Bytes early = piece(1);
    std::fill(early.begin() + 8, early.begin() + 16, std::uint8_t{0});
    const auto answers = eve.send(early);
    ASSERT_EQ(answers.size(), 1U);  // RFC 7296 2.21.4
    EXPECT_TRUE(
        has(wire::parse_message(answers.front()).value().payloads, NotifyType::invalid_ike_spi));
    EXPECT_TRUE(completes());
    ASSERT_TRUE(begin(false));
    EXPECT_TRUE(completes());
}

TEST_F(FragmentedAuth, F04AForgedPieceAmongGoodOnes) {
    ASSERT_TRUE(begin());
    Bytes forged = piece(2);
    forged.back() ^= 1;
    EXPECT_TRUE(eve.send(piece(1)).empty());
    EXPECT_TRUE(eve.send(forged).empty());
    EXPECT_TRUE(completes());
}

TEST_F(FragmentedAuth, F05PayloadsAroundTheFragment) {
    ASSERT_TRUE(begin());
    // Unknown payloads before SKF: IKE header, 1000 headers, then the SKF of piece 1.
    const Bytes good = piece(1);
    Writer out;
    out.bytes(ByteView{good}.first(wire::IkeHeader::size));
    for (unsigned i = 0; i < 1000; ++i) {
        out.u8(i < 999 ? 200 : std::to_underlying(PayloadType::skf));
        out.u8(0);
        out.u16(4);
    }
    out.bytes(ByteView{good}.subspan(wire::IkeHeader::size));
    out.patch_u8(16, 200);
    out.patch_u32(24, static_cast<std::uint32_t>(out.size()));
    EXPECT_TRUE(eve.send(out.take()).empty());
    EXPECT_TRUE(completes());
}

}  // namespace
}  // namespace culvert::ike::v2
