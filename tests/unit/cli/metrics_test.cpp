#include "cli/metrics.hpp"

#include <set>
#include <sstream>

#include <gtest/gtest.h>

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
    out.stats.set("culvert-plane", vici::Section{}.set("drop-replay", "7"));
    out.counters.set("counters", vici::Section{}.set("", vici::Section{}
                                                             .set("ike-init-in-req", "5")
                                                             .set("create-child-out-resp", "6")
                                                             .set("child-rekey", "3")
                                                             .set("invalid", "1")));
    out.pools.set("road", vici::Section{}.set("size", "254").set("online", "1"));
    out.sas = {an_sa()};
    return out;
}

TEST(Metrics, SaysWhatTheDaemonSays) {
    const std::string text = render_metrics(parts());
    for (const std::string_view line :
         {"culvert_up 1\n", "culvert_uptime_seconds 60\n", "culvert_half_open_ike_sas 2\n",
          "culvert_ike_sas{state=\"ESTABLISHED\"} 1\n",
          "culvert_child_up{connection=\"home\",child=\"net\"} 1\n",
          "culvert_child_sa_bytes{connection=\"home\",child=\"net\",direction=\"out\"} 2500000\n",
          "culvert_child_sa_packets{connection=\"home\",child=\"net\",direction=\"in\"} 3\n",
          "culvert_handshake_seconds{connection=\"home\",id=\"1\"} 0.012345\n",
          "culvert_ike_messages_total{exchange=\"ike-init\",direction=\"in\",kind=\"req\"} 5\n",
          "culvert_ike_messages_total{exchange=\"create-child\",direction=\"out\",kind=\"resp\"} "
          "6\n",
          "culvert_rekeys_total{kind=\"child-rekey\"} 3\n",
          "culvert_invalid_messages_total{why=\"malformed\"} 1\n",
          "culvert_plane_total{counter=\"drop-replay\"} 7\n",
          "culvert_pool_addresses{pool=\"road\"} 254\n",
          "culvert_pool_leases{pool=\"road\",state=\"online\"} 1\n",
          "culvert_recent_failures{connection=\"a\\\"b\\\\c\\n\",code=\"timed_out\",refused_by="
          "\"peer\"} 1\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line << "is not in\n" << text;
    }
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
