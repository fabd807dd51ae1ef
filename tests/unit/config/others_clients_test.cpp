// More shapes that people write for strongSwan: clients with certificates, several rounds, EAP-TLS,
// many children, certificates by section. They load unchanged.

#include <map>

#include <gtest/gtest.h>

#include "certificate_files.hpp"
#include "load_text.hpp"
#include "loaded.hpp"
#include "memory_files.hpp"

namespace culvert::config {
namespace {

using x509::CertificateFiles;

class Folder {
 public:
    Folder() {
        put("x509/gw.crt", "gw.crt");
        put("x509/middle.crt", "middle.crt");
        put("x509ca/root.crt", "root.crt");
        put("private/gw.key", "gw.key");
    }
    Loaded load(std::string_view text) {
        files_["/etc/swanctl/swanctl.conf"] = {.text = std::string{text}};
        return load_file("/etc/swanctl/swanctl.conf", MemoryFiles{files_});
    }

 private:
    void put(const std::string& path, const std::string& name) {
        const Bytes octets = x509::file(name);
        files_["/etc/swanctl/" + path] = {.text = std::string{as_text(octets)}};
    }
    std::map<std::string, FileSystem::File> files_;
};

TEST(OthersClients, ARoadWarriorWithACertificate) {
    NEED_CERTIFICATES();
    const Loaded loaded = Folder{}.load(R"(
connections {
   home {
      local_addrs  = %any
      remote_addrs = vpn.example.org
      vips = 0.0.0.0, ::
      dscp = 101110
      local {
         auth = pubkey
         certs = gw.crt
      }
      remote {
         auth = pubkey
         id = "C=CH, O=Example, CN=vpn.example.org"
      }
      children {
         home {
            remote_ts = 10.1.0.0/16, fec1::/16
            updown = /usr/local/libexec/ipsec/_updown iptables
            esp_proposals = aes128gcm128-x25519
            start_action = trap
            dpd_action = restart
         }
      }
      version = 2
      proposals = aes128-sha256-x25519
      keyingtries = 0
      dpd_delay = 60s
      mobike = yes
   }
})");
    EXPECT_EQ(show(loaded.problems), "");
    const ike::Connection& home = connection(loaded, "home");
    EXPECT_EQ(home.dscp, 0b101110);
    EXPECT_EQ(home.vips.size(), 2U);
    EXPECT_EQ(home.local.own.size(), 1U);
    EXPECT_EQ(child(home, "home").dpd_action, ike::StartAction::start);
}

TEST(OthersClients, CertificatesBySectionAndConstraints) {
    NEED_CERTIFICATES();
    const Loaded loaded = Folder{}.load(R"(
connections {
   constrained {
      remote_addrs = 192.0.2.9
      local {
         auth = pubkey
         cert-main {
            file = /etc/swanctl/x509/gw.crt
         }
      }
      remote {
         auth = rsa-2048-ecdsa-256-sha256-sha384-sha512
         cacert-root {
            file = /etc/swanctl/x509ca/root.crt
         }
         cert_policy = 1.3.6.1.4.1.99999.1
         revocation = strict
         id = *@example.org
      }
      children {
         net {
            local_ts = 10.1.0.0/16
         }
      }
   }
}
authorities {
   root {
      file = /etc/swanctl/x509ca/root.crt
      ocsp_uris = http://ocsp.example.org:8880
      crl_uris = http://crl.example.org/root.crl
   }
})");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::Connection& one = connection(loaded, "constrained");
    EXPECT_EQ(one.remote.cacerts.size(), 1U);
    EXPECT_EQ(one.remote.policies, std::vector<std::string>{"1.3.6.1.4.1.99999.1"});
    EXPECT_EQ(one.remote.revocation, x509::RevocationPolicy::strict);
}

// A machine certificate, and then a user.
TEST(OthersClients, TwoRoundsOfAuthentication) {
    NEED_CERTIFICATES();
    const Loaded loaded = Folder{}.load(R"(
connections {
   rw-two {
      pools = users
      local {
         auth = pubkey
         certs = gw.crt
      }
      remote-1 {
         auth = pubkey
         cacerts = root.crt
      }
      remote-2 {
         auth = psk
         id = *@example.org
      }
      children {
         net {
            local_ts = 10.1.0.0/16
         }
      }
      send_certreq = no
      fragmentation = force
   }
}
pools {
   users {
      addrs = 10.3.0.10-10.3.0.99
      dns = 10.1.0.20
      subnet = 10.1.0.0/16
      split_exclude = 10.1.99.0/24
      28672 = "Welcome"
   }
}
secrets {
   ike-carol {
      id-1 = carol@example.org
      secret = "the secret of this user"
   }
})");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::Connection& rw = connection(loaded, "rw-two");
    ASSERT_EQ(rw.remote_more.size(), 1U);
    EXPECT_EQ(rw.remote_more.front().method, ike::AuthMethodKind::psk);
    EXPECT_EQ(loaded.config.pools.front().attributes.size(), 4U);
}

TEST(OthersClients, EapTlsAndTheMethodThatTheClientChooses) {
    NEED_CERTIFICATES();
    const Loaded loaded = Folder{}.load(R"(
connections {
   rw-tls {
      local_addrs = 192.0.2.1
      local {
         auth = pubkey
         certs = gw.crt
      }
      remote {
         auth = eap-tls
         id = *@d.example.org
      }
      children { net { local_ts = 10.1.0.0/16 } }
   }
   rw-any {
      local_addrs = 192.0.2.1
      local {
         auth = pubkey
         certs = gw.crt
      }
      remote {
         auth = eap-dynamic
         eap_id = %any
      }
      children { net { local_ts = 10.1.0.0/16 } }
   }
}
secrets {
   eap {
      id-carol = carol@example.org
      id-dave = dave@example.org
      secret = 0xabcdef0123456789
   }
})");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    EXPECT_EQ(connection(loaded, "rw-tls").remote.eap_methods, std::vector{ike::eap::Type::tls});
    EXPECT_EQ(connection(loaded, "rw-any").remote.eap_methods, ike::eap::methods());
}

TEST(OthersClients, ManyChildrenOfOneConnection) {
    const Loaded loaded = load_text(R"(
connections {
   office {
      local_addrs  = 192.0.2.1
      remote_addrs = 192.0.2.2
      local {
         auth = psk
         id = 192.0.2.1
      }
      remote {
         auth = psk
         id = 192.0.2.2
      }
      children {
         venus {
            local_ts = 10.1.0.20/32
            remote_ts = 10.2.0.0/16
            esp_proposals = null-sha256-x25519
         }
         alice {
            local_ts = 10.1.0.10/32[icmp]
            remote_ts = 10.2.0.10/32[icmp]
            life_time = 40m
            rekey_time = 35m
            rand_time = 2m
            sha256_96 = yes
            esp_proposals = aes128-sha256
         }
         ssh {
            local_ts = 10.1.0.0/16[tcp]
            remote_ts = 10.2.0.0/16[tcp/ssh]
            rekey_bytes = 500000000
            rekey_packets = 1000000
            life_packets = 1100000
            replay_window = 0
         }
         bypass-lan {
            local_ts = 10.1.0.0/16
            remote_ts = 10.1.0.0/16
            mode = pass
            start_action = trap
         }
         trap-any {
            remote_ts = 0.0.0.0/0[udp/53]
            start_action = route
            close_action = clear
         }
      }
      version = 2
      mobike = no
      rekey_time = 60m
      over_time = 5m
      rand_time = 1m
      childless = allow
      proposals = aes256-sha512-modp4096
   }
}
secrets {
   ike-1 { id = 192.0.2.2
           secret = "This is a strong password" }
})");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::Connection& office = connection(loaded, "office");
    EXPECT_EQ(office.children.size(), 5U);
    EXPECT_TRUE(child(office, "alice").sha256_96);
    EXPECT_EQ(child(office, "ssh").life_packets, 1'100'000U);
    EXPECT_EQ(child(office, "ssh").replay_window, 0U);
    EXPECT_EQ(child(office, "ssh").remote_ts.front().selector.port_first, 22);
    EXPECT_EQ(child(office, "trap-any").start_action, ike::StartAction::trap);
    EXPECT_EQ(child(office, "trap-any").close_action, ike::StartAction::none);
}

// Whoever has the secret may come in, from wherever: small offices behind changing addresses.
TEST(OthersClients, AHubForAnybodyWithTheSecret) {
    const Loaded loaded = load_text(R"(
connections {
   hub {
      remote_addrs = 0.0.0.0/0, ::/0
      local {
         auth = psk
         id = @hub.example.org
      }
      remote {
         auth = psk
         id = %any
      }
      children {
         dynamic {
            local_ts = 10.0.0.0/8
            remote_ts = dynamic
            priority = 1000
            inactivity = 1d
            tfc_padding = mtu
            copy_df = no
            copy_dscp = no
         }
      }
      pools = offices
      encap = yes
      unique = keep
      aggressive = no
      pull = yes
      dpd_timeout = 150s
   }
}
pools { offices { addrs = 10.200.0.0/16
                  netmask = 255.255.0.0
                  nbns = 10.0.0.4 } }
secrets { ike { secret = 0sc2VjcmV0LXRoYXQtaXMtbG9uZy1lbm91Z2g= } }
)");
    EXPECT_TRUE(loaded.ok()) << show(loaded.problems);
    const ike::Connection& hub = connection(loaded, "hub");
    EXPECT_EQ(hub.remote.id.type, ike::IdType::any);
    EXPECT_TRUE(child(hub, "dynamic").remote_ts.front().dynamic);
}

}  // namespace
}  // namespace culvert::config
