// strongswan.conf: the settings that Culvert has, what it refuses, and the page that lists them.

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load_text.hpp"

namespace culvert::config {
namespace {

Loaded settings(std::string_view inside) {
    Loaded into;
    load_settings(parse_text(fmt::format("charon {{\n{}\n}}\n", inside), "s.conf"), into);
    return into;
}

TEST(Settings, ThatConnectivityDependsOnAreRead) {
    const Loaded into = settings(R"(
        fragment_size = 900
        close_ike_on_child_failure = yes
        initiator_only = yes
        retry_initiate_interval = 1m
        plugins { kernel-netlink { mss = 1300
                                   fwmark = !0x42 }
                  resolve { file = /etc/resolv.conf } })");
    EXPECT_EQ(show(into.problems), "");
    EXPECT_EQ(into.config.settings.fragment_size, 900);
    EXPECT_TRUE(into.config.settings.close_ike_on_child_failure);
    EXPECT_TRUE(into.config.settings.initiator_only);
    EXPECT_EQ(into.daemon.retry_initiate_interval, std::chrono::seconds{60});
    EXPECT_EQ(into.daemon.mss, 1300U);
    EXPECT_EQ(into.daemon.resolv_conf, "/etc/resolv.conf");
}

TEST(Settings, FragmentSizeZeroIsTheDefault) {
    const Loaded into = settings("fragment_size = 0");
    EXPECT_EQ(show(into.problems), "");
    EXPECT_EQ(into.config.settings.fragment_size, 1280);
}

// In either order of the plugins.
TEST(Settings, ADnsHandlerIsTheOnlyOneWhoSeesToNameServers) {
    for (const char* text :
         {"plugins { updown { dns_handler = yes }\n resolve { file = /etc/resolv.conf } }",
          "plugins { resolve { file = /etc/resolv.conf }\n updown { dns_handler = yes } }"}) {
        const Loaded into = settings(text);
        EXPECT_EQ(show(into.problems), "");
        EXPECT_EQ(into.daemon.resolv_conf, "");
    }
}

TEST(Settings, ThatWouldLetOthersInAreRefused) {
    EXPECT_EQ(show(settings("interfaces_use = eth0").problems),
              "s.conf:2: error: charon.interfaces_use: is not built: IKE is spoken on all "
              "interfaces. To fix it: remove it, and name addresses in "
              "connections.<name>.local_addrs, or let a packet filter say where UDP 500 and 4500 "
              "may come from\n");
    EXPECT_FALSE(settings("interfaces_ignore = eth1, eth2").ok());
    EXPECT_FALSE(settings("plugins { kernel-netlink { fwmark = 0x42 } }").ok());
    EXPECT_FALSE(settings("fragment_size = 100").ok());
    EXPECT_TRUE(settings("interfaces_use =").ok());
}

std::string page() {
    std::ifstream in{"docs/configuration.md"};
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

// The words in backticks of the first column.
std::set<std::string> listed(const std::string& text) {
    std::set<std::string> out;
    const auto from = text.find("| setting of `charon` |");
    std::istringstream lines{text.substr(from, text.find("\n\n", from) - from)};
    std::string line;
    std::getline(lines, line);
    while (std::getline(lines, line)) {
        const std::string cell = line.substr(0, line.find('|', 1));
        for (auto at = cell.find('`'); at != std::string::npos; at = cell.find('`', at)) {
            const auto end = cell.find('`', at + 1);
            out.insert(cell.substr(at + 1, end - at - 1));
            at = end + 1;
        }
    }
    return out;
}

TEST(Settings, OfThePageAreAllRead) {
    const std::set<std::string> all = listed(page());
    ASSERT_GT(all.size(), 30U);
    for (const std::string& path : all) {
        SCOPED_TRACE(path);
        std::string text = path;
        std::string end;
        for (auto dot = text.find('.'); dot != std::string::npos; dot = text.find('.', dot)) {
            text.replace(dot, 1, " { ");
            end += " }";
        }
        const bool is_section =
            path == "filelog" || path == "syslog" || path == "journal" || path == "plugins.attr";
        if (const auto open = text.find("<name>"); open != std::string::npos) {
            text.replace(open, 6, "x");
        }
        const Loaded into = settings(text + (is_section ? " { }" : " = 1") + end);
        EXPECT_EQ(show(into.problems).find("ignored"), std::string::npos) << show(into.problems);
    }
}

// What people really set (../shared/conventions.md 3.5) is on the page, one way or the other.
TEST(Settings, ThatPeopleReallySetAreOnThePage) {
    const std::string text = page();
    for (const char* name : {"retransmit_tries",
                             "retransmit_timeout",
                             "retransmit_base",
                             "port",
                             "port_nat_t",
                             "threads",
                             "install_routes",
                             "install_virtual_ip",
                             "routing_table",
                             "make_before_break",
                             "close_ike_on_child_failure",
                             "cookie_threshold",
                             "block_threshold",
                             "init_limit_half_open",
                             "ikesa_limit",
                             "ikesa_table_size",
                             "ikesa_table_segments",
                             "dns1",
                             "nbns1",
                             "filelog",
                             "syslog",
                             "plugins.attr",
                             "plugins.eap-radius",
                             "plugins.kernel-netlink.mtu",
                             "plugins.kernel-netlink.mss",
                             "plugins.kernel-netlink.fwmark",
                             "plugins.kernel-netlink.install_routes_xfrmi",
                             "plugins.updown.dns_handler",
                             "plugins.resolve.file"}) {
        EXPECT_NE(text.find(fmt::format("`{}`", name)), std::string::npos) << name;
    }
}

}  // namespace
}  // namespace culvert::config
