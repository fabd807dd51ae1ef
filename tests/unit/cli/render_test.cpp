#include "cli/render.hpp"

#include <gtest/gtest.h>

#include "cli/json.hpp"
#include "cli/render_lists.hpp"
#include "fake_daemon.hpp"

namespace culvert::cli {
namespace {

const Style plain{false};

TEST(Render, DurationsAndOctetsAsPeopleSayThem) {
    EXPECT_EQ(duration("0"), "0 s");
    EXPECT_EQ(duration("119"), "119 s");
    EXPECT_EQ(duration("120"), "2 min");
    EXPECT_EQ(duration("7260"), "2 h 1 min");
    EXPECT_EQ(duration("180000"), "2 d 2 h");
    EXPECT_EQ(duration("what"), "0 s");
    EXPECT_EQ(octets("999"), "999 B");
    EXPECT_EQ(octets("1000"), "1.0 kB");
    EXPECT_EQ(octets("2500000"), "2.5 MB");
    EXPECT_EQ(octets("18446744073709551615"), "18446744.1 TB");
}

TEST(Render, AnSaOnAFewLines) {
    EXPECT_EQ(render_sa(an_sa(), plain),
              "home #1: up for 75 s, AES_GCM_16-256/PRF_HMAC_SHA2_384/ECP_384\n"
              "  local  192.0.2.1[500]  moon\n"
              "  remote 192.0.2.2[4500]  sun\n"
              "  NAT    at the peer\n"
              "    net #3: up for 70 s, tunnel mode, ESP in UDP, AES_GCM_16-256\n"
              "      10.1.0.0/16 === 10.2.0.0/16\n"
              "      in  c0000001  1.5 kB in 3 packets, the last 4 s ago\n"
              "      out c0000002  2.5 MB in 1700 packets\n"
              "      rekey in 50 min\n");
}

TEST(Render, StatesInWords) {
    const auto of_state = [](std::string_view state) {
        return render_sa(vici::Message{}.set("home", vici::Section{}
                                                         .set("state", state)
                                                         .set("culvert-age", "3")
                                                         .set("established", "60")),
                         plain);
    };
    EXPECT_EQ(of_state("CONNECTING").substr(0, 27), "home #?: connecting for 3 s");
    EXPECT_NE(of_state("REKEYING").find("up for 60 s, getting fresh keys"), std::string::npos);
    EXPECT_NE(of_state("REKEYED").find("replaced by a fresh one"), std::string::npos);
    EXPECT_NE(of_state("DELETING").find("closing"), std::string::npos);
}

TEST(Render, ColoursOnATerminalOnly) {
    EXPECT_EQ(render_sa(an_sa(), plain).find('\x1b'), std::string::npos);
    EXPECT_NE(render_sa(an_sa(), Style{true}).find("\x1b[32mup\x1b[0m"), std::string::npos);
}

TEST(Render, AnErrorLeavesOutWhatIsNotKnown) {
    EXPECT_EQ(render_error("up", {.code = ErrorCode::busy}), "culvert: up: busy\n");
}

TEST(Render, AnSaIsFoundByConnectionAndChild) {
    const std::vector<vici::Message> sas{an_sa()};
    EXPECT_EQ(sa_of(sas, "home", "net"), sas.data());
    EXPECT_EQ(sa_of(sas, "", "net"), sas.data());
    EXPECT_EQ(sa_of(sas, "home", ""), sas.data());
    EXPECT_EQ(sa_of(sas, "home", "other"), nullptr);
    EXPECT_EQ(sa_of(sas, "office", "net"), nullptr);
}

TEST(Json, KeepsOrderAndReplacesWhatIsNoUtf8) {
    const auto message = vici::Message{}
                             .set("z", "1")
                             .set("a", vici::List{"x", "y\"\n"})
                             .set("s", vici::Section{}.set("bad", std::string_view{"\xff", 1}));
    EXPECT_EQ(to_json(message),
              "{\n  \"z\": \"1\",\n  \"a\": [\n    \"x\",\n    \"y\\\"\\n\"\n  ],\n  \"s\": {\n"
              "    \"bad\": \"\xef\xbf\xbd\"\n  }\n}");
}

TEST(RenderLists, StatsWithCountersAndPackets) {
    const auto stats =
        vici::Message{}
            .set("uptime", vici::Section{}.set("running", "2 hours").set("since", "today"))
            .set("ikesas", vici::Section{}.set("total", "2").set("half-open", "1"))
            .set("counters", vici::Section{}.set("ike-init-in-req", "7"))
            .set("culvert-plane",
                 vici::Section{}.set("inbound_replay", "9").set("inbound_no_sa", "0"));
    const std::string out = render_stats(stats);
    EXPECT_NE(out.find("9          in: a duplicate"), std::string::npos) << out;
    EXPECT_EQ(out.find("inbound_no_sa"), std::string::npos);
    EXPECT_NE(out.find("IKE SAs: 2, half-open: 1"), std::string::npos);
    EXPECT_NE(out.find("ike-init-in-req"), std::string::npos);
}

TEST(RenderLists, EventsThatAreNotWhatWeKnowDoNoHarm) {
    EXPECT_EQ(render_event("ike-updown", {}), "ike-updown\n");
    EXPECT_EQ(render_event("child-rekey", vici::Message{}.set("home", vici::Section{})), "");
    EXPECT_EQ(render_changes({}, "nothing"), "nothing\n");
}

}  // namespace
}  // namespace culvert::cli
