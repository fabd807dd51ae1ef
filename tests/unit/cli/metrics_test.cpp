#include "cli/metrics.hpp"

#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "cli/scrape.hpp"
#include "fake_daemon.hpp"

namespace culvert::cli {
namespace {

MetricParts parts() {
    MetricParts out;
    out.status.set("daemon", vici::Section{}.set("uptime", "60").set("half-open", "2"))
        .set("failures", vici::Section{}.set("1", vici::Section{}
                                                      .set("connection", "a\"b\\c\n")
                                                      .set("code", "timed_out")
                                                      .set("refused-by", "peer")));
    out.stats.set(
        "culvert-plane",
        vici::Section{}.set("inbound_replay", "7").set("sas", "2").set("esp_sends", "12"));
    out.stats.set(
        "culvert-events",
        vici::Section{}
            .set("handshakes", vici::Section{}.set("established", "3").set("timed_out", "1"))
            .set("child-failures", vici::Section{}.set("ts_unacceptable", "4"))
            .set("handshake-us", vici::Section{}
                                     .set("5000", "1")
                                     .set("2500000", "2")
                                     .set("inf", "3")
                                     .set("sum", "3012345"))
            .set("retransmissions", "8")
            .set("dead-peers", "9"));
    const auto certificate = [](std::string_view subject, std::string_view flag) {
        return vici::Message{}
            .set("culvert-subject", subject)
            .set("culvert-serial", "0a")
            .set("flag", flag)
            .set("culvert-not-after", "1800000000");
    };
    // Of two that cannot be told apart one is shown; a list has no such end.
    out.certificates = {certificate("CN=moon", "NONE"), certificate("CN=moon", "NONE"),
                        certificate("CN=root", "CA"), vici::Message{}.set("type", "X509_CRL")};
    out.counters.set("counters", vici::Section{}.set("", vici::Section{}
                                                             .set("ike-init-in-req", "5")
                                                             .set("create-child-out-resp", "6")
                                                             .set("child-rekey", "3")
                                                             .set("invalid", "1")));
    out.pools.set("road", vici::Section{}.set("size", "254").set("online", "1"));
    out.sas = {an_sa()};
    out.connections = {a_connection("home", {"net", "lan"}), a_connection("office", {"desk"})};
    return out;
}

TEST(Metrics, ATunnelIsUpWhileItIsRekeyedOrMoves) {
    for (const std::string_view state : {"INSTALLED", "REKEYING", "UPDATING"}) {
        MetricParts all = parts();
        auto& ike = std::get<vici::Section>(all.sas[0].entries[0].element);
        vici::Section child = *ike.section("child-sas")->section("net-3");
        child.set("state", state);
        ike.set("child-sas", vici::Section{}.set("net-3", child));
        EXPECT_TRUE(
            render_metrics(all).contains("culvert_child_up{connection=\"home\",child=\"net\"} 1\n"))
            << state;
    }
}

// One command that the daemon cannot answer takes nothing but its own metrics away.
TEST(Metrics, WhatIsRefusedIsLeftOut) {
    FakeDaemon daemon;
    const MetricParts all = parts();
    daemon.answers("culvert-status",
                   vici::failure(Error{.code = ErrorCode::limit_reached, .wanted = "less"}));
    daemon.answers("stats", all.stats);
    daemon.answers("get-counters", all.counters);
    daemon.answers("get-pools", all.pools);
    daemon.streams("list-conns", {"list-conn", all.connections});
    daemon.streams("list-sas", {"list-sa", all.sas});
    daemon.streams("list-certs", {"list-cert", {}});
    const auto stream = daemon.opener()("").value();
    vici::Client client{*stream};
    Paper paper;
    const auto got = scrape(client, paper);
    ASSERT_TRUE(got);
    EXPECT_TRUE(paper.errors.contains("no metrics of culvert-status: limit_reached"))
        << paper.errors;
    const std::string text = render_metrics(*got);
    EXPECT_TRUE(text.contains("culvert_up 1\n"));
    EXPECT_FALSE(text.contains("culvert_uptime_seconds"));
    EXPECT_TRUE(text.contains("culvert_pool_addresses"));
}

TEST(Metrics, SaysWhatTheDaemonSays) {
    const std::string text = render_metrics(parts());
    for (const std::string_view line :
         {"culvert_up 1\n",
          "culvert_uptime_seconds 60\n",
          "culvert_half_open_ike_sas 2\n",
          "culvert_ike_sas{state=\"ESTABLISHED\"} 1\n",
          "culvert_child_up{connection=\"home\",child=\"net\"} 1\n",
          "culvert_child_up{connection=\"office\",child=\"desk\"} 0\n",
          "culvert_child_sa_bytes{connection=\"home\",child=\"net\",direction=\"out\"} 2500000\n",
          "culvert_child_sa_packets{connection=\"home\",child=\"net\",direction=\"in\"} 3\n",
          "culvert_handshakes_total{outcome=\"established\"} 3\n",
          "culvert_handshakes_total{outcome=\"timed_out\"} 1\n",
          "culvert_child_failures_total{code=\"ts_unacceptable\"} 4\n",
          "culvert_handshake_duration_seconds_bucket{le=\"0.005\"} 1\n",
          "culvert_handshake_duration_seconds_bucket{le=\"2.5\"} 2\n",
          "culvert_handshake_duration_seconds_bucket{le=\"+Inf\"} 3\n",
          "culvert_handshake_duration_seconds_count 3\n",
          "culvert_handshake_duration_seconds_sum 3.012345\n",
          "culvert_retransmissions_total 8\n",
          "culvert_dead_peers_total 9\n",
          "culvert_certificate_expiry_timestamp_seconds{subject=\"CN=moon\",serial=\"0a\",kind="
          "\"end_entity\",own=\"no\"} 1800000000\n",
          "kind=\"authority\",own=\"no\"} 1800000000\n",
          "culvert_ike_messages_total{exchange=\"ike-init\",direction=\"in\",kind=\"req\"} 5\n",
          "culvert_ike_messages_total{exchange=\"create-child\",direction=\"out\",kind=\"resp\"} "
          "6\n",
          "culvert_rekeys_total{kind=\"child-rekey\"} 3\n",
          "culvert_invalid_messages_total{why=\"malformed\"} 1\n",
          "culvert_dropped_packets_total{reason=\"inbound_replay\"} 7\n",
          "culvert_plane_entries{kind=\"sas\"} 2\n",
          "culvert_plane_total{counter=\"esp_sends\"} 12\n",
          "culvert_pool_addresses{pool=\"road\"} 254\n",
          "culvert_pool_leases{pool=\"road\",state=\"online\"} 1\n",
          "culvert_recent_failures{connection=\"a\\\"b\\\\c\\n\",code=\"timed_out\",refused_by="
          "\"peer\"} 1\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "is not in\n" << text;
    }
}

// One name that is no UTF-8 must not cost the whole scrape.
TEST(Metrics, IsUtf8WhateverNamesAre) {
    MetricParts odd = parts();
    odd.connections.push_back(a_connection("gw\xff", {"net\xc3"}));
    const std::string text = render_metrics(odd);
    EXPECT_TRUE(text.contains("{connection=\"gw\xef\xbf\xbd\",child=\"net\xef\xbf\xbd\"}")) << text;
}

TEST(Metrics, AShuntIsNoTunnelThatIsDown) {
    EXPECT_EQ(render_metrics(parts()).find("child=\"lan\""), std::string::npos);
}

// OpenMetrics 1.0: a family's head comes once and before its samples, and the text ends with EOF.
TEST(Metrics, IsWellFormed) {
    std::istringstream lines{render_metrics(parts())};
    std::set<std::string> heads;
    std::string family;
    std::string line;
    std::string last;
    while (std::getline(lines, line)) {
        last = line;
        if (line.starts_with("# TYPE ")) {
            family = line.substr(7, line.find(' ', 7) - 7);
            EXPECT_TRUE(heads.insert(family).second) << family << " comes twice";
        } else if (!line.starts_with("#")) {
            EXPECT_TRUE(line.starts_with(family)) << line << " stands under " << family;
            EXPECT_NE(line.rfind(' '), std::string::npos);
        }
    }
    EXPECT_EQ(last, "# EOF");
    EXPECT_TRUE(render_no_daemon().find("culvert_up 0\n") != std::string::npos);
}

}  // namespace
}  // namespace culvert::cli
