// Configurations as people write them for strongSwan: gateways, road warriors, certificates, pools,
// shunts, several children, templates, includes. Each loads as it stands.

#include <gtest/gtest.h>

#include "certificate_files.hpp"
#include "load_text.hpp"
#include "loaded.hpp"
#include "memory_files.hpp"

namespace culvert::config {
namespace {

using x509::CertificateFiles;

// The site-to-site tunnel of every tutorial.
TEST(Others, SiteToSiteWithAPreSharedKey) {
    const Loaded loaded = load_text(R"(
connections {
   gw-gw {
      local_addrs  = 192.168.0.1
      remote_addrs = 192.168.0.2
      local {
         auth = psk
         id = moon.strongswan.org
      }
      remote {
         auth = psk
         id = sun.strongswan.org
      }
      children {
         net-net {
            local_ts  = 10.1.0.0/16
            remote_ts = 10.2.0.0/16
            start_action = none
            updown = /usr/local/libexec/ipsec/_updown iptables
            rekey_time = 5400
            rekey_bytes = 500000000
            rekey_packets = 1000000
            esp_proposals = aes128gcm128-x25519
         }
      }
      version = 2
      mobike = no
      reauth_time = 10800
      proposals = aes128-sha256-x25519
   }
}
secrets {
   ike-1 {
      id-1 = moon.strongswan.org
      secret = 0x45a30759df97dc26a15b88ff
   }
   ike-2 {
      id-2 = sun.strongswan.org
      secret = "This is a strong password"
   }
   ike-3 {
      id-3a = moon.strongswan.org
      id-3b =sun.strongswan.org
      secret = 0sFpZAZqEN6Ti9sqt4ZP5EWcqx
   }
}
)");
    EXPECT_EQ(show(loaded.problems), "");
    const ike::Connection& gw = connection(loaded, "gw-gw");
    EXPECT_EQ(gw.reauth_time, ike::seconds{10800});
    EXPECT_EQ(gw.rekey_time, ike::seconds{0});
    EXPECT_EQ(child(gw, "net-net").rekey_packets, 1'000'000U);
    EXPECT_EQ(loaded.config.secrets.size(), 3U);
}

// A hub with a template, many spokes, and what is common in a file of its own.
TEST(Others, AHubWithATemplateAndIncludes) {
    const MemoryFiles files{{"/etc/swanctl/swanctl.conf", R"(
# Include config snippets
include conf.d/*.conf
)"},
                            {"/etc/swanctl/conf.d/00-defaults.conf", R"(
conn-defaults {
    version = 2
    dpd_delay = 10s
    dpd_timeout = 60s
    keyingtries = 0
    proposals = aes256-sha256-modp2048,aes128-sha256-ecp256,default
    local { auth = psk
        id = hub.example.net }
    remote { auth = psk }
}
child-defaults {
    esp_proposals = aes256-sha256-modp2048,default
    start_action = trap|start
    close_action = start
    dpd_action = restart
    policies_fwd_out = no
}
)"},
                            {"/etc/swanctl/conf.d/10-spokes.conf", R"(
connections {
    berlin : conn-defaults {
        remote_addrs = berlin.example.net, 198.51.100.7
        remote { id = berlin.example.net }
        children {
            lan : child-defaults {
                local_ts = 10.0.0.0/24, 10.0.1.0/24
                remote_ts = 10.1.0.0/24
            }
            voice : child-defaults {
                local_ts = 10.0.9.0/24[udp/5060]
                remote_ts = 10.1.9.0/24[udp]
                priority = 100
            }
        }
    }
    paris : conn-defaults {
        remote_addrs = %any
        remote { id = paris@example.net }
        children { lan : child-defaults {
            remote_ts = 10.2.0.0/24
            start_action = none
            close_action = none
        } }
    }
}
)"},
                            {"/etc/swanctl/conf.d/20-secrets.conf", R"(
secrets {
    ike-hub {
        id-hub = hub.example.net
        secret = "correct horse battery staple"
    }
}
)"}};
    const Loaded loaded = load_file("/etc/swanctl/swanctl.conf", files);
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::Connection& berlin = connection(loaded, "berlin");
    EXPECT_EQ(berlin.keyingtries, 0U);
    EXPECT_EQ(berlin.remote_addrs.size(), 2U);
    EXPECT_EQ(child(berlin, "lan").local_ts.size(), 2U);
    EXPECT_EQ(child(berlin, "lan").start_action, ike::StartAction::start);
    EXPECT_TRUE(child(berlin, "lan").start_also_traps);
    EXPECT_EQ(child(berlin, "voice").priority, 100U);
    EXPECT_EQ(child(connection(loaded, "paris"), "lan").start_action, ike::StartAction::none);
}

// What keeps traffic out of a tunnel that takes everything.
TEST(Others, ShuntsBesideATunnelForEverything) {
    const Loaded loaded = load_text(R"(
connections {
    everything {
        remote_addrs = vpn.example.com
        vips = 0.0.0.0,::
        local { auth = psk
            id = laptop@example.com }
        remote { auth = psk
            id = vpn.example.com }
        children {
            all {
                remote_ts = 0.0.0.0/0,::/0
                dpd_action = restart
                mode = tunnel
            }
        }
    }
    shunts {
        remote_addrs = 127.0.0.1
        local { auth = psk }
        remote { auth = psk }
        children {
            lan {
                local_ts = 192.168.1.0/24
                remote_ts = 192.168.1.0/24
                mode = pass
                start_action = trap
            }
            ssh {
                local_ts = 0.0.0.0/0[tcp/22]
                remote_ts = 0.0.0.0/0[tcp]
                mode = pass
                start_action = route
            }
            telnet {
                local_ts = 0.0.0.0/0
                remote_ts = 0.0.0.0/0[tcp/23]
                mode = drop
                start_action = trap
            }
        }
    }
}
secrets { ike { secret = "a shared secret of some length" } }
)");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    EXPECT_EQ(connection(loaded, "everything").vips.size(), 2U);
    const ike::Connection& shunts = connection(loaded, "shunts");
    EXPECT_EQ(child(shunts, "ssh").mode, ike::ChildMode::pass);
    EXPECT_EQ(child(shunts, "ssh").start_action, ike::StartAction::trap);
    EXPECT_EQ(child(shunts, "telnet").mode, ike::ChildMode::drop);
}

// Routing over transport mode, as with GRE or L2TP.
TEST(Others, TransportModeForOneProtocol) {
    const Loaded loaded = load_text(R"(
connections {
  gre-to-b {
    version = 2
    local_addrs = 203.0.113.1
    remote_addrs = 203.0.113.2
    encap = no
    fragmentation = yes
    local-psk { auth = psk }
    remote-psk { auth = psk }
    children {
      gre {
        local_ts = dynamic[gre]
        remote_ts = dynamic[gre]
        mode = transport
        reqid = 10
        esp_proposals = aes128gcm16,aes128-sha256
        life_time = 1h
        ipcomp = no
        hw_offload = auto
      }
      l2tp {
        local_ts = 203.0.113.1/32[udp/1701]
        remote_ts = 203.0.113.2/32[udp/1701]
        mode = transport
      }
    }
  }
}
secrets { ike-b { id = 203.0.113.2
  secret = 0s4QXM2q5t8y/BeE1hTnWr5u7x } }
)");
    EXPECT_EQ(show(loaded.problems), "");
    const ike::Connection& gre = connection(loaded, "gre-to-b");
    EXPECT_EQ(child(gre, "gre").reqid, 10U);
    EXPECT_TRUE(child(gre, "gre").local_ts.front().dynamic);
    EXPECT_EQ(child(gre, "gre").local_ts.front().selector.protocol, 47);
    EXPECT_EQ(child(gre, "gre").life_time, ike::seconds{3600});
}

// A server for clients with certificates, with pools of both families and a CA of its own.
TEST(Others, ARemoteAccessServerWithCertificates) {
    NEED_CERTIFICATES();
    std::map<std::string, FileSystem::File> files;
    const auto put = [&](const std::string& path, const std::string& name) {
        const Bytes octets = x509::file(name);
        files["/etc/swanctl/" + path] = {.text = std::string{as_text(octets)}};
    };
    put("x509/gw.crt", "gw.crt");
    put("x509/middle.crt", "middle.crt");
    put("x509ca/root.crt", "root.crt");
    put("private/gw.key", "gw.key");
    files["/etc/swanctl/swanctl.conf"] = {.text = R"(
connections {
   rw {
      local_addrs = %any
      pools = rw_pool_v4, rw_pool_v6
      send_cert = always
      send_certreq = yes
      unique = never
      local {
         auth = pubkey
         certs = gw.crt
      }
      remote {
         auth = pubkey
         revocation = ifuri
         cacerts = root.crt
      }
      children {
         net {
            local_ts = 10.1.0.0/16, fec1::/16
            inactivity = 10m
         }
      }
      version = 2
      proposals = aes256gcm16-prfsha384-ecp384, aes256-sha256-modp2048
   }
}
pools {
   rw_pool_v4 {
      addrs = 10.3.0.0/28
      dns = 10.1.0.20, 10.1.0.21
      nbns = 10.1.0.22
      split_include = 10.1.0.0/16
      25 = example.org
   }
   rw_pool_v6 {
      addrs = fec3::/120
      dns = fec1::20
   }
}
authorities {
   root {
      cacert = root.crt
      crl_uris = http://crl.example.org/root.crl, http://crl2.example.org/root.crl
      ocsp_uris = http://ocsp.example.org:8880
   }
}
)"};
    const Loaded loaded = load_file("/etc/swanctl/swanctl.conf", MemoryFiles{files});
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::Connection& rw = connection(loaded, "rw");
    EXPECT_EQ(rw.pools.size(), 2U);
    EXPECT_EQ(rw.unique, ike::Unique::never);
    EXPECT_EQ(rw.remote.cacerts.size(), 1U);
    EXPECT_EQ(loaded.config.pools.front().attributes.size(), 5U);
    ASSERT_EQ(loaded.config.credentials->infos.size(), 1U);
    EXPECT_EQ(loaded.config.credentials->infos.front().crl_urls.size(), 2U);
}

// What a firewall distribution's generator writes: numbers for booleans, everything spelled out.
TEST(Others, AGeneratedFile) {
    const Loaded loaded = load_text(R"(
# This file is automatically generated. Do not edit
connections {
	con1 {
		fragmentation = yes
		unique = replace
		version = 2
		proposals = aes256-sha256-modp2048
		dpd_delay = 10s
		rekey_time = 25920s
		reauth_time = 0s
		over_time = 2880s
		rand_time = 2880s
		encap = 0
		mobike = 0
		aggressive = 0
		local_addrs = 198.51.100.1
		remote_addrs = 203.0.113.9
		pools =
		local {
			id = 198.51.100.1
			auth = psk
		}
		remote {
			id = 203.0.113.9
			auth = psk
		}
		children {
			con1 {
				dpd_action = trap
				mode = tunnel
				policies = 1
				life_time = 3600s
				rekey_time = 3240s
				rand_time = 360s
				start_action = trap
				close_action = none
				remote_ts = 10.20.0.0/16
				local_ts = 10.10.0.0/16
				esp_proposals = aes256gcm128-modp2048,aes192gcm128-modp2048,aes128gcm128-modp2048
			}
		}
	}
}
secrets {
	ike-0 {
		secret = 0sc2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2g=
		id-0 = %any
		id-1 = 203.0.113.9
	}
}
)");
    EXPECT_EQ(show(loaded.problems), "");
    EXPECT_FALSE(connection(loaded, "con1").mobike);
    EXPECT_EQ(child(connection(loaded, "con1"), "con1").proposals.size(), 3U);
}

// IPv6 inside of IPv4 and the other way round; ranges, ports, identities of every kind.
TEST(Others, OddOnes) {
    const Loaded loaded = load_text(R"(
connections {
  a { remote_addrs = 2001:db8::1-2001:db8::ff
      local { auth = psk
              id = fqdn:moon }
      remote { auth = psk
               id = "C=DE, O=Example \"quoted\", CN=*" }
      children { v4 { local_ts = 10.0.0.1-10.0.0.9[tcp/1024-65535]
                      remote_ts = 10.9.0.0/24[17] } } }
  b { remote_addrs = 10.0.0.0/8, fe80::/10
      local { auth = psk
              id = "@#0102abcd" }
      remote { auth = psk
               id = keyid:branch-7 }
      children { icmp { local_ts = 10.8.0.0/16[icmp]
                        remote_ts = 10.7.0.0/16[icmp/8] } } }
  c { remote_addrs = host.example.org
      ppk_id = shared@example.org
      childless = prefer
      local { auth = psk
              id = email:moon@example.org }
      remote { auth = psk
               id = *@example.org }
      children { net { remote_ts = 10.6.0.0/16
                       ah_proposals = sha256-modp2048
                       esp_proposals = } } }
}
secrets {
  ike { secret = "a shared secret of some length" }
  ppk-1 { id = shared@example.org
          secret = 0x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f }
}
)");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    EXPECT_EQ(connection(loaded, "b").local.id.type, ike::IdType::key_id);
    EXPECT_EQ(loaded.config.ppks.size(), 1U);
}

// A gateway for Windows, macOS, iOS and Android clients with users and passwords, as guides have
// it.
TEST(Others, ARemoteAccessServerWithUsersAndPasswords) {
    const Loaded loaded = load_text(R"(
connections {
   ikev2-eap-mschapv2 {
      version = 2
      proposals = aes256gcm16-prfsha384-ecp384, aes256-sha256-ecp256, default
      rekey_time = 0s
      pools = primary-pool-ipv4
      fragmentation = yes
      dpd_delay = 30s
      send_cert = always
      unique = replace
      local-1 {
         id = vpn.example.org
      }
      remote-1 {
         auth = eap-mschapv2
         eap_id = %any
      }
      children {
         ikev2-eap-mschapv2 {
            local_ts = 0.0.0.0/0
            rekey_time = 0s
            dpd_action = clear
            esp_proposals = aes256gcm16, aes256-sha256, default
         }
      }
   }
}
pools {
   primary-pool-ipv4 {
      addrs = 10.10.10.0/24
      dns = 9.9.9.9
   }
}
secrets {
   eap-carol {
      id = carol
      secret = Ar3etTnp
   }
   eap-dave {
      id-1 = dave
      id-2 = dave@example.org
      secret = 0sVzF5
   }
   xauth-erin {
      id = erin
      secret = "with a # in it"
   }
   ntlm-frank {
      id = frank
      secret = 0x44ebba8d5312b8d611474411f56989ae
   }
}
)");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::AuthConfig& remote = connection(loaded, "ikev2-eap-mschapv2").remote;
    EXPECT_EQ(remote.method, ike::AuthMethodKind::eap);
    EXPECT_EQ(remote.eap_methods, std::vector{ike::eap::Type::mschapv2});
    EXPECT_TRUE(remote.asks_eap_id);
    ASSERT_EQ(loaded.config.passwords.size(), 4U);
    EXPECT_TRUE(loaded.config.secrets.empty());
    EXPECT_EQ(as_text(loaded.config.passwords[1].secret.reveal()), "W1y");
    EXPECT_EQ(loaded.config.passwords[1].owners.size(), 2U);
    EXPECT_EQ(loaded.config.passwords[3].kind, ike::SecretKind::nt_hash);
}

// Its client.
TEST(Others, ARoadWarriorWithAPassword) {
    const Loaded loaded = load_text(R"(
connections {
   home {
      remote_addrs = vpn.example.org
      vips = 0.0.0.0, ::
      local {
         auth = eap
         id = carol@example.org
         eap_id = carol
      }
      remote {
         auth = pubkey
         id = vpn.example.org
      }
      children {
         home {
            remote_ts = 0.0.0.0/0, ::/0
            start_action = start
         }
      }
   }
}
secrets {
   eap {
      id = carol
      secret = Ar3etTnp
   }
}
)");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::AuthConfig& local = connection(loaded, "home").local;
    EXPECT_EQ(local.method, ike::AuthMethodKind::eap);
    EXPECT_EQ(local.eap_id, ike::Identity::parse("carol").value());
    EXPECT_EQ(local.eap_methods, ike::eap::methods());
    EXPECT_FALSE(local.asks_eap_id);
}

}  // namespace
}  // namespace culvert::config
