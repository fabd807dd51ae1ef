// What a configuration means, typed: values, defaults, and that text and VICI agree.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "load_text.hpp"

namespace culvert::config {
namespace {

using namespace std::chrono_literals;

std::string hex_of(const Secret& secret) { return to_hex(secret.reveal()); }

std::string show(const std::vector<ike::SelectorConfig>& selectors) {
    std::string out;
    for (const ike::SelectorConfig& one : selectors) {
        out += (one.dynamic ? "dynamic:" : "") + one.selector.to_string() + " ";
    }
    return out;
}

// As people write it: strongSwan's net2net-psk with a little of everything.
constexpr std::string_view site_to_site = R"(
# /etc/swanctl/swanctl.conf
connections {
   gw-gw {
      version = 2
      local_addrs  = 192.168.0.1
      remote_addrs = 192.168.0.2, moon.example.org, 10.9.0.0/24, fd00::1
      proposals = aes256gcm16-prfsha384-ecp384, aes128-sha256-modp2048
      encap = yes
      mobike = no
      dpd_delay = 30
      keyingtries = 0
      unique = replace
      rekey_time = 8h
      rand_time = 5m
      local {
         auth = psk
         id = moon.strongswan.org
      }
      remote {
         auth = psk
         id = sun@strongswan.org
      }
      children {
         net-net {
            local_ts  = 10.1.0.0/16, dynamic[tcp/22]
            remote_ts = 10.2.0.0/16[udp/53], fd02::/64
            esp_proposals = chacha20poly1305
            start_action = trap|start
            dpd_action = restart
            close_action = none
            rekey_time = 45m
            life_bytes = 1100M
            rekey_packets = 1000
            replay_window = 64
            tfc_padding = mtu
            priority = 7
            reqid = 0x10
            policies = no
            copy_df = no
            copy_ecn = 0
            copy_dscp = yes
            inactivity = 2m
         }
         bypass {
            mode = pass
            local_ts = 10.1.0.0/16
            remote_ts = 10.1.0.0/16
            start_action = trap
         }
      }
   }
}
secrets {
   ike-sun {
      id-1 = sun@strongswan.org
      id-2 = 192.168.0.2
      secret = 0sFpZAZqEN6Ti9sqt4ZP5EWcqx
   }
   ike-hex { secret = 0x45a30759df97dc26a15b88ff }
   ike-plain { secret = "say \"#}\" to me" }
}
)";

TEST(Load, ReadsASiteToSiteConfiguration) {
    const Loaded loaded = load_text(site_to_site);
    EXPECT_EQ(show(loaded.problems),
              "t.conf:61: warning: secrets.ike-plain: belongs to the same identities as ike-hex, "
              "but is another one. To fix it: remove one of the two\n");
    ASSERT_EQ(loaded.config.connections.size(), 1U);
    const ike::Connection& c = loaded.config.connections[0];
    EXPECT_EQ(c.name, "gw-gw");
    EXPECT_EQ(c.version, 2);
    ASSERT_EQ(c.local_addrs.size(), 1U);
    EXPECT_EQ(c.local_addrs[0].ranges.at(0).to_string(), "192.168.0.1");
    ASSERT_EQ(c.remote_addrs.size(), 4U);
    EXPECT_EQ(c.remote_addrs[1].text, "moon.example.org");
    EXPECT_TRUE(c.remote_addrs[1].ranges.empty());
    EXPECT_FALSE(c.remote_addrs[1].any);
    EXPECT_EQ(c.remote_addrs[2].ranges.at(0).to_string(), "10.9.0.0/24");
    EXPECT_EQ(c.remote_addrs[3].ranges.at(0).to_string(), "fd00::1");
    EXPECT_EQ(c.local_port, 500);
    ASSERT_EQ(c.proposals.size(), 2U);
    EXPECT_TRUE(c.encap);
    EXPECT_FALSE(c.mobike);
    EXPECT_EQ(c.dpd_delay, 30s);
    EXPECT_EQ(c.keyingtries, 0U);
    EXPECT_EQ(c.unique, ike::Unique::replace);
    EXPECT_EQ(c.rekey_time, 8h);
    EXPECT_EQ(c.reauth_time, 0s);
    EXPECT_EQ(c.over_time, 48min);
    EXPECT_EQ(c.rand_time, 5min);
    EXPECT_EQ(c.local.id.to_string(), "moon.strongswan.org");
    EXPECT_EQ(c.remote.id.to_string(), "sun@strongswan.org");

    ASSERT_EQ(c.children.size(), 2U);
    const ike::ChildConfig& n = c.children[0];
    EXPECT_EQ(n.name, "net-net");
    EXPECT_EQ(show(n.local_ts), "10.1.0.0/16 dynamic:0.0.0.0/0[tcp/22] ");
    EXPECT_EQ(show(n.remote_ts), "10.2.0.0/16[udp/53] fd02::/64 ");
    ASSERT_EQ(n.proposals.size(), 1U);
    EXPECT_EQ(n.start_action, ike::StartAction::start);
    EXPECT_TRUE(n.start_also_traps);
    EXPECT_EQ(n.dpd_action, ike::StartAction::start);
    EXPECT_EQ(n.close_action, ike::StartAction::none);
    EXPECT_EQ(n.rekey_time, 45min);
    EXPECT_EQ(n.life_time, 2970s);
    EXPECT_EQ(n.rand_time, 270s);
    EXPECT_EQ(n.life_bytes, 1100U << 20U);
    EXPECT_EQ(n.rekey_bytes, 1000U << 20U);
    EXPECT_EQ(n.rand_bytes, 100U << 20U);
    EXPECT_EQ(n.rekey_packets, 1000U);
    EXPECT_EQ(n.life_packets, 1100U);
    EXPECT_EQ(n.rand_packets, 100U);
    EXPECT_EQ(n.replay_window, 64U);
    EXPECT_EQ(n.tfc_padding, 0xffff);
    EXPECT_EQ(n.priority, 7U);
    EXPECT_EQ(n.reqid, 16U);
    EXPECT_FALSE(n.install_policies);
    EXPECT_EQ(n.header_rules.df, DfRule::clear);
    EXPECT_FALSE(n.header_rules.dscp);
    EXPECT_FALSE(n.header_rules.copy_ecn);
    EXPECT_EQ(n.header_rules.copy_dscp, DscpCopy::both);
    EXPECT_EQ(n.inactivity, 2min);
    EXPECT_EQ(c.children[1].mode, ike::ChildMode::pass);
    EXPECT_EQ(c.children[1].start_action, ike::StartAction::trap);

    ASSERT_EQ(loaded.config.secrets.size(), 3U);
    EXPECT_EQ(loaded.config.secrets[0].name, "ike-sun");
    ASSERT_EQ(loaded.config.secrets[0].owners.size(), 2U);
    EXPECT_EQ(loaded.config.secrets[0].owners[1].to_string(), "192.168.0.2");
    // From `printf '%s' FpZAZqEN6Ti9sqt4ZP5EWcqx | base64 -d | xxd -p`.
    EXPECT_EQ(hex_of(loaded.config.secrets[0].secret), "16964066a10de938bdb2ab7864fe4459cab1");
    EXPECT_EQ(hex_of(loaded.config.secrets[1].secret), "45a30759df97dc26a15b88ff");
    EXPECT_EQ(as_text(loaded.config.secrets[2].secret.reveal()), "say \"#}\" to me");
}

TEST(Load, HasStrongSwansDefaults) {
    const Loaded loaded = load_text(connection_with("children {\nn {\n}\n}"));
    EXPECT_EQ(show(loaded.problems), "");
    const ike::Connection& c = loaded.config.connections.at(0);
    EXPECT_EQ(c.version, 0);
    ASSERT_EQ(c.local_addrs.size(), 1U);
    EXPECT_TRUE(c.local_addrs[0].any);
    EXPECT_TRUE(c.remote_addrs.at(0).any);
    EXPECT_EQ(c.proposals, ike::default_proposals(ike::ProtocolId::ike));
    EXPECT_FALSE(c.encap);
    EXPECT_TRUE(c.mobike);
    EXPECT_EQ(c.dpd_delay, 0s);
    EXPECT_EQ(c.keyingtries, 1U);
    EXPECT_EQ(c.unique, ike::Unique::no);
    EXPECT_EQ(c.rekey_time, 4h);
    EXPECT_EQ(c.reauth_time, 0s);
    EXPECT_EQ(c.over_time, 24min);
    EXPECT_EQ(c.rand_time, 24min);
    EXPECT_EQ(c.local.id.type, ike::IdType::any);
    EXPECT_EQ(c.remote.id.type, ike::IdType::any);
    const ike::ChildConfig& n = c.children.at(0);
    EXPECT_EQ(n.mode, ike::ChildMode::tunnel);
    EXPECT_EQ(n.proposals, ike::default_proposals(ike::ProtocolId::esp));
    EXPECT_EQ(show(n.local_ts), "dynamic:0.0.0.0/0 ");
    EXPECT_EQ(show(n.remote_ts), "dynamic:0.0.0.0/0 ");
    EXPECT_EQ(n.rekey_time, 1h);
    EXPECT_EQ(n.life_time, 66min);
    EXPECT_EQ(n.rand_time, 6min);
    EXPECT_EQ(n.rekey_bytes + n.life_bytes + n.rand_bytes, 0U);
    EXPECT_EQ(n.rekey_packets + n.life_packets + n.rand_packets, 0U);
    EXPECT_EQ(n.replay_window, 1024U);
    EXPECT_FALSE(n.tfc_padding);
    EXPECT_TRUE(n.install_policies);
    EXPECT_EQ(n.start_action, ike::StartAction::none);
    EXPECT_EQ(n.header_rules.copy_dscp, DscpCopy::out);
}

TEST(Load, ReadsTheFieldsOfOuterHeaders) {
    struct Case {
        std::string lines;
        DfRule df;
        std::optional<std::uint8_t> dscp;
    };
    for (const Case& one :
         {Case{"", DfRule::copy, {}}, Case{"culvert_outer_df = copy", DfRule::copy, {}},
          Case{"culvert_outer_df = set", DfRule::set, {}},
          Case{"culvert_outer_df = clear", DfRule::clear, {}},
          Case{"copy_df = yes", DfRule::copy, {}}, Case{"copy_df = no", DfRule::clear, {}},
          // What is written last or first does not matter: ours says more.
          Case{"copy_df = no\nculvert_outer_df = set", DfRule::set, {}},
          Case{"culvert_outer_df = set\ncopy_df = no", DfRule::set, {}},
          Case{"culvert_outer_dscp = 101110", DfRule::copy, 0x2e},
          Case{"culvert_outer_dscp = 000000", DfRule::copy, 0x00}}) {
        const Loaded loaded = load_text(fmt::format(
            "connections {{\n gw {{\n children {{\n net {{\n{}\n}}\n }}\n }}\n}}\n", one.lines));
        ASSERT_EQ(loaded.config.connections.size(), 1U) << one.lines;
        const HeaderRules& rules = loaded.config.connections[0].children[0].header_rules;
        EXPECT_EQ(rules.df, one.df) << one.lines;
        EXPECT_EQ(rules.dscp, one.dscp) << one.lines;
    }
}

TEST(Load, DerivesTimesFromEachOther) {
    const auto conn = [](std::string_view text) {
        return load_text(connection_with(text)).config.connections.at(0);
    };
    EXPECT_EQ(conn("reauth_time = 10h").rekey_time, 0s);
    EXPECT_EQ(conn("reauth_time = 10h").over_time, 1h);
    EXPECT_EQ(conn("reauth_time = 10h\nrekey_time = 20h").over_time, 2h);
    EXPECT_EQ(conn("over_time = 7m").rand_time, 7min);
    EXPECT_EQ(conn("rekey_time = 0").over_time, 0s);
    const auto child = [](std::string_view text) {
        return load_text(child_with(text)).config.connections.at(0).children.at(0);
    };
    EXPECT_EQ(child("life_time = 110m").rekey_time, 100min);
    EXPECT_EQ(child("life_time = 110m").rand_time, 10min);
    EXPECT_EQ(child("life_time = 2h\nrekey_time = 1h").rand_time, 1h);
    EXPECT_EQ(child("rekey_time = 0").life_time, 0s);
    EXPECT_EQ(child("rekey_time = 0").rand_time, 0s);
    EXPECT_EQ(child("rekey_bytes = 4611686018427387904").life_bytes, 5072854620270126694U);
}

TEST(Load, KnowsTheAliasesOfActions) {
    using ike::StartAction;
    for (const auto& [text, want] : {std::pair{"none", StartAction::none},
                                     {"clear", StartAction::none},
                                     {"trap", StartAction::trap},
                                     {"route", StartAction::trap},
                                     {"start", StartAction::start},
                                     {"restart", StartAction::start},
                                     {"Start", StartAction::start}}) {
        for (const char* key : {"dpd_action", "close_action", "start_action"}) {
            const Loaded loaded = load_text(child_with(fmt::format("{} = {}", key, text)));
            EXPECT_EQ(show(loaded.problems), "");
            const ike::ChildConfig& n = loaded.config.connections.at(0).children.at(0);
            EXPECT_EQ(key == std::string{"dpd_action"}     ? n.dpd_action
                      : key == std::string{"close_action"} ? n.close_action
                                                           : n.start_action,
                      want)
                << key << text;
        }
    }
}

TEST(Load, TellsAddressesFromNames) {
    const auto addresses = [](std::string_view text) {
        return load_text(connection_with(fmt::format("remote_addrs = {}", text)))
            .config.connections.at(0)
            .remote_addrs;
    };
    EXPECT_TRUE(addresses("%any").at(0).any);
    EXPECT_TRUE(addresses("0.0.0.0").at(0).any);
    EXPECT_EQ(addresses("%any6").at(0).ranges.at(0).to_string(), "::/0");
    EXPECT_EQ(addresses("10.0.0.5-10.0.0.9").at(0).ranges.at(0).to_string(), "10.0.0.5-10.0.0.9");
    EXPECT_TRUE(addresses("a-1.example").at(0).ranges.empty());
    for (const char* bad : {"10.0.0.9-10.0.0.5", "fe80::1%eth0", "1.2.3", "a b", "x/24", "::g",
                            "-host", "a;reboot", "$(id)"}) {
        EXPECT_FALSE(load_text(connection_with(fmt::format("remote_addrs = {}", bad))).ok()) << bad;
    }
}

TEST(Load, KeepsTheOrderOfEverything) {
    const Loaded loaded = load_text(
        "connections { z { local { auth = psk } remote { auth = psk } children { y { } b { } a { } "
        "} }\n a { local { auth = psk } remote { auth = psk } } }\n"
        "secrets { ike-2 { id = b\n secret = 0123456789 } ike-1 { id = a\n secret = 0123456789 } "
        "}");
    ASSERT_TRUE(loaded.ok());
    EXPECT_EQ(loaded.config.connections.at(0).name, "z");
    EXPECT_EQ(loaded.config.connections.at(1).name, "a");
    EXPECT_EQ(loaded.config.connections.at(0).children.at(0).name, "y");
    EXPECT_EQ(loaded.config.connections.at(0).children.at(2).name, "a");
    EXPECT_EQ(loaded.config.secrets.at(0).name, "ike-2");
}

TEST(Load, TextAndViciAgree) {
    const Loaded from_text = load_text(site_to_site);
    ike::Config from_vici;
    const Tree tree = parse_text(site_to_site, "t");
    for (const vici::Entry& entry : tree.root.section("connections")->entries) {
        // Once through the wire, and with lists as swanctl sends them.
        vici::Section section = std::get<vici::Section>(entry.element);
        for (vici::Entry& one : section.entries) {
            if (one.key != "remote_addrs" && one.key != "proposals") { continue; }
            one.element = split_list(std::get<std::string>(one.element));
        }
        vici::Packet packet{.type = vici::PacketType::cmd_request, .name = "load-conn"};
        packet.message.set(entry.key, section);
        const auto octets = vici::encode(packet);
        ASSERT_TRUE(octets.has_value());
        const vici::Message message = vici::decode(*octets).value().message;
        LoadedConnection loaded = load_connection(entry.key, *message.section(entry.key));
        EXPECT_EQ(show(loaded.problems), "");
        from_vici.connections.push_back(std::move(loaded.connection));
    }
    for (const ike::SharedSecret& secret : from_text.config.secrets) {
        vici::List owners;
        for (const ike::Identity& owner : secret.owners) { owners.push_back(owner.to_string()); }
        LoadedSecret loaded = load_shared(vici::Message{}
                                              .set("id", secret.name)
                                              .set("type", "IKE")
                                              .set("data", as_text(secret.secret.reveal()))
                                              .set("owners", owners));
        EXPECT_EQ(show(loaded.problems), "");
        ASSERT_TRUE(loaded.secret.has_value());
        from_vici.secrets.push_back(*std::move(loaded.secret));
    }
    EXPECT_TRUE(compare(from_text.config, from_vici).empty());
}

TEST(LoadConnection, NamesThePathWithoutAFile) {
    vici::Section section;
    section.set("version", "1");
    EXPECT_EQ(show(load_connection("home", section).problems),
              "error: connections.home.version: IKEv1 is not built yet. To fix it: use version = "
              "2, if the peer can\n");
}

TEST(LoadShared, RefusesAndWarns) {
    using vici::Message;
    const auto with = [](Message message) { return show(load_shared(message).problems); };
    EXPECT_EQ(with(Message{}.set("type", "IKE")),
              "error: data is missing or empty. To fix it: give the secret in data\n");
    EXPECT_EQ(with(Message{}.set("type", "XYZ").set("data", "TOPSECRET")),
              "error: type \"XYZ\" is not a kind of secret. To fix it: use IKE for a pre-shared "
              "key, EAP for a password\n");
    EXPECT_EQ(with(Message{}.set("type", "EAP").set("data", "x")), "");
    EXPECT_EQ(with(Message{}.set("type", "NTLM").set("data", "x")),
              "error: data is no NT hash, which has 16 octets. To fix it: give "
              "MD4(UTF-16LE(password)) as 0x hex or 0s base64, or the password itself in "
              "secrets.eap\n");
    for (const auto& [word, kind] :
         {std::pair{"xauth", ike::SecretKind::eap}, std::pair{"EAP", ike::SecretKind::eap},
          std::pair{"PPK", ike::SecretKind::ppk}}) {
        const LoadedSecret loaded = load_shared(Message{}.set("type", word).set("data", "x"));
        ASSERT_TRUE(loaded.secret.has_value()) << word;
        EXPECT_EQ(loaded.secret->kind, kind) << word;
    }
    // With a bad owner it is not loaded at all: with fewer owners it would be others'.
    const LoadedSecret bad = load_shared(
        Message{}.set("type", "IKE").set("data", "TOPSECRET").set("owners", vici::List{"@#zz"}));
    EXPECT_FALSE(bad.secret.has_value());
    EXPECT_FALSE(bad.ok());
    EXPECT_EQ(show(bad.problems).find("TOPSECRET"), std::string::npos);
}

TEST(LoadSettings, ReadsCharonAndNamesTheRestOnce) {
    Loaded into;
    load_settings(
        parse_text("charon {\n retransmit_timeout = 2.5\n retransmit_base = 1.5\n"
                   " retransmit_tries = 3\n retransmit_limit = 20\n"
                   " retransmit_jitter = 15\n port = 1500\n"
                   " port_nat_t = 14500\n cookie_threshold = 10\n"
                   " cookie_threshold_ip = 2\n block_threshold = 4\n"
                   " half_open_timeout = 1m\n keep_alive = 15s\n install_routes = no\n"
                   " routing_table = 221\n routing_table_prio = 222\n"
                   " init_limit_half_open = 100\n load_modular = yes\n"
                   " make_before_break = no\n install_virtual_ip = no\n ikesa_table_size = 32\n"
                   " plugins {\n x {\n load = yes\n y = 1\n }\n z { load = no } }\n}\n"
                   "swanctl { }\nlibtls { }\n",
                   "s.conf"),
        into);
    EXPECT_EQ(show(into.problems),
              "s.conf:1: warning: charon: settings that have no meaning here are ignored: "
              "load_modular, ikesa_table_size, plugins.x.y\n"
              "s.conf: warning: only the section charon has a meaning here; ignored: libtls\n");
    const ike::EngineSettings& e = into.config.settings;
    EXPECT_EQ(e.retransmit.timeout, 2500ms);
    EXPECT_DOUBLE_EQ(e.retransmit.base, 1.5);
    EXPECT_EQ(e.retransmit.tries, 3U);
    EXPECT_EQ(e.retransmit.limit, 20s);
    EXPECT_EQ(e.retransmit.jitter_percent, 15U);
    EXPECT_EQ(e.port, 1500);
    EXPECT_EQ(e.port_nat_t, 14500);
    EXPECT_EQ(e.cookie_threshold, 10U);
    EXPECT_EQ(e.cookie_threshold_per_ip, 2U);
    EXPECT_EQ(e.block_threshold_per_ip, 4U);
    EXPECT_EQ(e.half_open_timeout, 60s);
    EXPECT_EQ(e.keep_alive, 15s);
    EXPECT_EQ(e.half_open_max, 100U);
    EXPECT_EQ(into.daemon.install_routes, false);
    EXPECT_EQ(into.daemon.routing_table, 221U);
    EXPECT_EQ(into.daemon.routing_table_prio, 222U);
    EXPECT_FALSE(e.make_before_break);
    EXPECT_EQ(into.daemon.install_virtual_ip, false);
    Loaded bad;
    load_settings(parse_text("charon {\n retransmit_base = 0.5\n retransmit_tries = 1e3\n"
                             " retransmit_timeout = nan\n}",
                             "s.conf"),
                  bad);
    EXPECT_EQ(bad.problems.size(), 3U) << show(bad.problems);
}

// What administrators really set beside timers: where the log goes, and what clients are told.
TEST(LoadSettings, ReadsLogsAndAttributes) {
    Loaded into;
    load_settings(parse_text("charon {\n"
                             " dns1 = 10.1.0.53\n nbns1 = 10.1.0.54\n"
                             " filelog {\n  charon {\n   path = /var/log/charon.log\n"
                             "   time_format = %b %e %T\n   append = no\n   default = 1\n"
                             "   ike = 2\n   knl = -1\n   flush_line = yes\n  }\n"
                             "  /var/log/old.log {\n   default = 0\n  }\n"
                             "  stderr {\n   cfg = 2\n  }\n }\n"
                             " syslog {\n  identifier = ipsec\n  daemon { }\n"
                             "  auth {\n   default = -1\n   ike = 0\n  }\n }\n"
                             " plugins {\n  attr {\n   load = yes\n   dns = fd00::53\n"
                             "   split-include = 10.1.0.0/16\n   25 = example.org\n  }\n"
                             "  kernel-netlink {\n   mtu = 1400\n   fwmark = !0x42\n  }\n }\n}\n"
                             "charon-systemd {\n threads = 3\n journal { default = 1 }\n}\n",
                             "s.conf"),
                  into);
    EXPECT_EQ(show(into.problems), "");
    using Kind = LogOutput::Kind;
    const std::vector<LogOutput> wanted{
        {.kind = Kind::file,
         .name = "/var/log/charon.log",
         .levels = {{"default", 1}, {"ike", 2}, {"knl", -1}},
         .append = false},
        {.kind = Kind::file, .name = "/var/log/old.log", .levels = {{"default", 0}}},
        {.kind = Kind::standard_error, .name = "stderr", .levels = {{"cfg", 2}}},
        {.kind = Kind::system_log, .name = "daemon"},
        {.kind = Kind::system_log, .name = "auth", .levels = {{"default", -1}, {"ike", 0}}},
        {.kind = Kind::journal, .name = "journal", .levels = {{"default", 1}}}};
    EXPECT_EQ(into.daemon.logs, wanted);
    std::vector<std::uint16_t> types;
    for (const ike::PoolAttribute& one : into.daemon.attributes) { types.push_back(one.type); }
    EXPECT_EQ(types, (std::vector<std::uint16_t>{3, 4, 10, 28676, 25}));
    EXPECT_EQ(into.daemon.mtu, 1400U);
    EXPECT_EQ(into.daemon.threads, 3U);
    Loaded bad;
    load_settings(parse_text("charon {\n filelog { charon { default = 1 }\n"
                             " /x { ike = 5 } }\n syslog { local0 { } }\n dns1 = nowhere\n}",
                             "s.conf"),
                  bad);
    EXPECT_EQ(
        show(bad.problems),
        "s.conf:2: error: charon.filelog.charon: \"charon\" is no full path. To fix it: add "
        "path = /var/log/charon.log\n"
        "s.conf:3: error: charon.filelog./x.ike: \"5\" is not a level. To fix it: write -1 "
        "(nothing) to 4; 1 is what happens, 2 more of it\n"
        "s.conf:4: warning: charon.syslog.local0: is ignored: the facilities are daemon and "
        "auth\n"
        "s.conf:5: error: charon.dns1: \"nowhere\" is not an address. To fix it: write one as "
        "10.0.0.53 or fd00::53\n");
}

// X-04: 10,000 connections, each with children and a secret of its own.
TEST(Load, X04TenThousandConnections) {
    std::string text =
        "base { version = 2\n local { auth = psk } remote { auth = psk } }\n"
        "connections {\n";
    std::string secrets = "secrets {\n";
    for (int i = 0; i < 10'000; ++i) {
        text += fmt::format(
            "c{0} : base {{ remote {{ id = p{0}.example }}\n children {{ n{0} {{ "
            "remote_ts = 10.{1}.{2}.0/24\n }} }} }}\n",
            i, i / 256, i % 256);
        secrets += fmt::format("ike-{0} {{ id = p{0}.example\n secret = secret-number-{0} }}\n", i);
    }
    const Loaded loaded = load_text(text + "}\n" + secrets + "}\n");
    EXPECT_EQ(show(loaded.problems), "");
    EXPECT_EQ(loaded.config.connections.size(), 10'000U);
    EXPECT_EQ(loaded.config.secrets.size(), 10'000U);
}

// RFC 7619
TEST(Load, NullAuthenticationNeedsNoIdAndTakesNone) {
    const auto with = [](std::string_view local, std::string_view remote) {
        return load_text("connections { c { local { auth = null\n" + std::string{local} +
                         " }\n remote { auth = null\n" + std::string{remote} + " } } }\n");
    };
    const Loaded good = with("", "");
    ASSERT_TRUE(good.ok()) << show(good.problems);
    const ike::Connection& connection = good.config.connections.front();
    EXPECT_EQ(connection.local.method, ike::AuthMethodKind::null);
    EXPECT_EQ(connection.local.id.type, ike::IdType::null);
    EXPECT_EQ(connection.remote.id.type, ike::IdType::any);
    EXPECT_NE(show(good.problems).find("proves nothing"), std::string::npos);
    EXPECT_TRUE(has_errors(with("id = me", "").problems));
    EXPECT_TRUE(has_errors(with("", "id = you").problems));
}

}  // namespace
}  // namespace culvert::config
