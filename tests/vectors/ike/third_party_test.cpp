// Captures of other programs, well-formed and not (shared/vectors/captures/third-party/LIST.md).

#include <map>

#include <gtest/gtest.h>

#include "ike/wire/message.hpp"
#include "support/pcap.hpp"

namespace culvert::test {
namespace {

using namespace ike::wire;

struct ThirdParty {
    std::string file;
    std::vector<std::string> wanted;  // what each message is, or why it is refused
};

void PrintTo(const ThirdParty& file, std::ostream* out) { *out << file.file; }

class ThirdPartyCapture : public testing::TestWithParam<ThirdParty> {};

std::string summary(ByteView datagram) {
    const auto message = parse_message(datagram);
    return message ? describe(*message) : explain(message.error());
}

TEST_P(ThirdPartyCapture, IsReadAsItIs) {
    const auto messages = load_ike_messages("vectors/captures/third-party/" + GetParam().file);
    if (!messages) { GTEST_SKIP() << "no capture " << GetParam().file; }
    std::vector<std::string> got;
    for (const CapturedIke& one : *messages) {
        got.push_back(summary(one.message));
        const auto message = parse_message(one.message);
        if (!message) {
            EXPECT_FALSE(message.error().notify);  // never authenticated, so never answered
            continue;
        }
        // By value: one of them sets the critical bit on payloads of RFC 7296, which is ignored.
        const auto again = parse_message(write(message->header, message->payloads));
        ASSERT_TRUE(again);
        EXPECT_EQ(again->payloads, message->payloads);
        EXPECT_EQ(again->header, message->header);
    }
    EXPECT_EQ(got, GetParam().wanted);
}

const std::string v1 = "unsupported_version: wanted IKE version 2.0; got version 1.0";

INSTANTIATE_TEST_SUITE_P(
    Files, ThirdPartyCapture,
    testing::Values(
        ThirdParty{"libreswan-01-isakmp-vid-first.pcap", {v1}},
        ThirdParty{"scapy-ikev2_notify_redirect.pcap",
                   {"IKE_SA_INIT request 0 [ SA KE No N(NATD_D_IP) N(NATD_S_IP) N(FRAG_SUP) "
                    "N(REDIR_SUP) N(HASH_ALG) ]",
                    "IKE_SA_INIT response 0 [ N(REDIR) ]",
                    "IKE_SA_INIT request 0 [ SA KE No N(NATD_D_IP) N(NATD_S_IP) N(FRAG_SUP) "
                    "N(REDIR_FROM) N(HASH_ALG) ]",
                    "IKE_SA_INIT response 0 [ N(NO_PROP) ]"}},
        ThirdParty{"tcpdump-ISAKMP_sa_setup.pcap", std::vector<std::string>(9, v1)},
        ThirdParty{"tcpdump-ikev2-id-short.pcap",
                   {"malformed: wanted a well-formed Identification payload; got one that ends "
                    "early"}},
        ThirdParty{"tcpdump-ikev2pI2.pcap",
                   {"IKE_SA_INIT request 0 [ SA KE No V ]", "IKE_AUTH request 0 [ SK ]"}},
        ThirdParty{"tcpdump-isakmp-3948-oobr-2.pcap", {}},
        ThirdParty{"tcpdump-isakmp-delete-segfault.pcap",
                   {"malformed: wanted a well-formed IKE message; got one that is 448 octets long "
                    "while its header says 1126274970"}},
        ThirdParty{"tcpdump-isakmp-no-none-np.pcapng",
                   {"malformed: wanted a well-formed IKE message; got one that is 2186 octets "
                    "long while its header says 84"}},
        ThirdParty{"tcpdump-isakmpv1-attr-oobr.pcap", {}}));

TEST(ThirdPartyCapture, AWholeSessionOfTcpdumpsKeepsItsOctets) {
    const auto messages = load_ike_messages("vectors/captures/third-party/tcpdump-ikev2four.pcap");
    if (!messages) { GTEST_SKIP() << "no capture tcpdump-ikev2four.pcap"; }
    std::map<std::string, int> kinds;
    for (const CapturedIke& one : *messages) {
        const auto message = parse_message(one.message);
        ASSERT_TRUE(message) << explain(message.error());
        ++kinds[to_string(message->header.exchange)];
        EXPECT_EQ(to_hex(write(message->header, message->payloads)), to_hex(one.message));
    }
    const std::map<std::string, int> wanted{
        {"IKE_SA_INIT", 4}, {"IKE_AUTH", 2}, {"CREATE_CHILD_SA", 14}, {"INFORMATIONAL", 1}};
    EXPECT_EQ(kinds, wanted);
}

}  // namespace
}  // namespace culvert::test
