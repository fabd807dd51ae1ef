// Packets that we make, with our own IVs, are opened by scapy: the other way round than the
// vectors.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipsec/esp.hpp"
#include "ipsec/header_fields.hpp"
#include "packet_case.hpp"
#include "support/seeded_random.hpp"

namespace culvert::ipsec {
namespace {

const Instant now{};

// The whole packet; empty when it was dropped.
Bytes make(const test::PacketCase& one, Random& random) {
    const auto sa = OutboundSa::create(one.sa, random, now, {.first_sequence = one.sequence});
    if (!sa) {
        ADD_FAILURE() << explain(sa.error());
        return {};
    }
    PacketInfo info;
    EXPECT_TRUE(parse_packet(one.inner, info));
    Bytes out(one.inner.size() + overhead_max);
    const bool v4 = one.outer[0] >> 4U == 4;
    EncapJob job{.packet = one.inner,
                 .info = &info,
                 .out = out,
                 .identification = v4 ? get_u16(one.outer, 4) : std::uint16_t{0}};
    CryptoContext crypto;
    const DropReason dropped = encapsulate(**sa, job, crypto, now);
    EXPECT_EQ(dropped, DropReason::none) << name(dropped);
    if (dropped != DropReason::none) { return {}; }
    Bytes packet(overhead_max + 1024);
    packet.resize(build_outer_header(**sa, job, 1, packet));
    append(packet, ByteView{out}.first(job.size));
    return packet;
}

// Our packets of `protocol` in the place of those of the file.
test::Json made_by_us(const test::Json& file, std::string_view protocol) {
    test::SeededRandom random{7};
    test::Json out = file;
    out["cases"] = test::Json::array();
    for (test::Json json : file["cases"]) {
        if (json["proto"] != protocol || json["expect"] != "accept" ||
            json.contains("derived_from") || json.value("scapy_verify", true) == false) {
            continue;
        }
        const auto one = test::packet_case(json);
        if (!one) { continue; }
        SCOPED_TRACE(one->id);
        const Bytes packet = make(*one, random);
        json["protected_packet"] = to_hex(packet);
        if (!one->iv.empty() && protocol == "esp") {
            const std::size_t at = test::ipsec_offset(*one) + 8;
            const Bytes iv = to_bytes(ByteView{packet}.subspan(at, one->iv.size()));
            EXPECT_NE(iv, one->iv);
            json["iv"] = to_hex(iv);
        }
        out["cases"].push_back(std::move(json));
    }
    return out;
}

// What scapy says of them: the script's exit status.
int verified(const std::filesystem::path& script, const test::Json& packets) {
    const auto path = std::filesystem::temp_directory_path() /
                      ("culvert-scapy-" + std::to_string(getpid()) + ".json");
    std::ofstream{path} << packets;
    const std::string command =
        "/usr/bin/python3 '" + script.string() + "' --verify '" + path.string() + "' | tail -n 20";
    const int status = std::system(("bash -o pipefail -c \"" + command + "\"").c_str());
    std::filesystem::remove(path);
    return WEXITSTATUS(status);
}

class ScapyOracle : public ::testing::TestWithParam<const char*> {};

TEST_P(ScapyOracle, OpensWhatWeMake) {
    CULVERT_SHARED_JSON(file, "vectors/generated/esp-ah-scapy.json");
    const auto script = test::shared_path("vectors/gen-esp-scapy.py");
    if (!script) { GTEST_SKIP() << "no vectors/gen-esp-scapy.py in the shared data"; }
    const int there = std::system("/usr/bin/python3 -c 'import scapy, cryptography' 2>/dev/null");
    if (there != 0) { GTEST_SKIP() << "no scapy (python3-scapy, python3-cryptography)"; }
    test::Json packets = made_by_us(file, GetParam());
    EXPECT_GT(packets["cases"].size(), 50U);
    EXPECT_EQ(verified(*script, packets), 0);
    // The oracle does look.
    auto& first = packets["cases"][0]["protected_packet"];
    std::string changed = first.get<std::string>();
    changed.back() = changed.back() == '0' ? '1' : '0';
    first = changed;
    EXPECT_EQ(verified(*script, packets), 1);
}

INSTANTIATE_TEST_SUITE_P(Protocols, ScapyOracle, ::testing::Values("esp", "ah"));

}  // namespace
}  // namespace culvert::ipsec
