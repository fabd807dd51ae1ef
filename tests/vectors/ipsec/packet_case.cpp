#include "packet_case.hpp"

#include <map>
#include <tuple>

#include "ipsec/packet.hpp"

namespace culvert::test {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;

std::string text(const Json& json, const char* key) {
    const auto at = json.find(key);
    return at == json.end() || at->is_null() ? std::string{} : at->get<std::string>();
}

EncryptionAlgorithm encryption_of(const std::string& alg, std::size_t icv) {
    using enum EncryptionAlgorithm;
    const auto starts = [&alg](const char* with) { return alg.starts_with(with); };
    if (starts("AES-GCM")) { return icv == 8 ? aes_gcm_8 : icv == 12 ? aes_gcm_12 : aes_gcm_16; }
    if (starts("AES-CCM")) { return icv == 8 ? aes_ccm_8 : icv == 12 ? aes_ccm_12 : aes_ccm_16; }
    if (starts("AES-CBC")) { return aes_cbc; }
    if (starts("AES-CTR")) { return aes_ctr; }
    if (starts("CHACHA20-POLY1305")) { return chacha20_poly1305; }
    if (starts("3DES-CBC")) { return des3_cbc; }
    if (starts("NULL-AUTH-AES-GMAC")) { return null_auth_aes_gmac; }
    if (alg == "NULL") { return null; }
    return none;
}

IntegrityAlgorithm integrity_of(const std::string& name, std::size_t key) {
    using enum IntegrityAlgorithm;
    static const std::map<std::string, IntegrityAlgorithm> names{
        {"HMAC-MD5-96", hmac_md5_96},
        {"HMAC-SHA1-96", hmac_sha1_96},
        {"HMAC-SHA2-256-128", hmac_sha2_256_128},
        {"HMAC-SHA2-384-192", hmac_sha2_384_192},
        {"HMAC-SHA2-512-256", hmac_sha2_512_256},
        {"AES-XCBC-96", aes_xcbc_96},
        {"AES-CMAC-96", aes_cmac_96}};
    if (name == "AES-GMAC") {
        return key == 16 ? aes128_gmac : key == 24 ? aes192_gmac : aes256_gmac;
    }
    const auto at = names.find(name);
    return at == names.end() ? none : at->second;
}

}  // namespace

TrafficSelectors everything() {
    return {TrafficSelector::of(IpRange::everything(IpFamily::v4)),
            TrafficSelector::of(IpRange::everything(IpFamily::v6))};
}

std::optional<IpsecSuite> suite_of(const Json& json) {
    IpsecSuite suite;
    const std::string alg = text(json, "alg");
    const std::size_t key = text(json, "key").size() / 2;
    suite.protocol = text(json, "proto") == "ah" ? IpsecProtocol::ah : IpsecProtocol::esp;
    suite.integrity = integrity_of(text(json, "auth_alg"), text(json, "auth_key").size() / 2);
    suite.esn = json.value("esn", false);
    if (suite.protocol == IpsecProtocol::ah) {
        if (suite.integrity == IntegrityAlgorithm::none) { return std::nullopt; }
        return suite;
    }
    suite.encryption = encryption_of(alg, json.value("icv_len", std::size_t{16}));
    if (suite.encryption == EncryptionAlgorithm::none) { return std::nullopt; }
    if (suite.encryption != EncryptionAlgorithm::null &&
        suite.encryption != EncryptionAlgorithm::des3_cbc) {
        suite.key_bits = static_cast<std::uint16_t>(key * 8);
    }
    return suite;
}

void set_keys(ChildSa& sa, const Json& json) {
    Bytes key = hex(text(json, "key"));
    append(key, hex(text(json, "salt")));
    Bytes integrity = hex(text(json, "auth_key"));
    if (sa.suite.protocol == IpsecProtocol::ah) {
        // The salt of AES-GMAC ends the integrity key (RFC 4543 5.1).
        append(integrity, hex(text(json, "salt")));
        key.clear();
    }
    for (IpsecKeys* keys : {&sa.inbound, &sa.outbound}) {
        keys->encryption = Secret::copy_of(key);
        keys->integrity = Secret::copy_of(integrity);
    }
}

std::optional<PacketCase> packet_case(const Json& json) {
    PacketCase one;
    const auto suite = suite_of(json);
    if (!suite) { return std::nullopt; }
    one.id = text(json, "id");
    one.expect = json.value("expect", std::string{"accept"});
    one.note = text(json, "note");
    one.iv = hex(text(json, "iv"));
    const bool dpdk = json.contains("input_packet");
    one.inner = hex(text(json, dpdk ? "input_packet" : "inner_packet"));
    one.outer = hex(text(json, dpdk ? "output_packet" : "protected_packet"));
    one.sequence = std::stoull(text(json, "seq"), nullptr, 16);
    if (suite->esn) { one.sequence |= json.value("esn_hi", std::uint64_t{0}) << 32U; }
    one.sa.suite = *suite;
    set_keys(one.sa, json);
    one.sa.mode = text(json, "mode") == "tunnel" ? IpsecMode::tunnel : IpsecMode::transport;
    one.sa.outbound_spi =
        EspSpi{static_cast<std::uint32_t>(std::stoul(text(json, "spi"), nullptr, 16))};
    one.sa.inbound_spi = one.sa.outbound_spi;
    one.sa.local_ts = everything();
    one.sa.remote_ts = everything();
    ipsec::PacketInfo info;
    if (ipsec::parse_packet(one.outer, info)) {
        one.sa.local.address = info.source;
        one.sa.remote.address = info.destination;
    }
    if (json.contains("encap") && json["encap"].is_array()) {
        one.sa.udp_encap = true;
        one.sa.local.port = json["encap"][0];
        one.sa.remote.port = json["encap"][1];
    }
    return one;
}

std::size_t ipsec_offset(const PacketCase& one) {
    ipsec::PacketInfo info;
    if (!ipsec::parse_packet(one.outer, info)) { return 0; }
    return info.header_size + (one.sa.udp_encap ? 8U : 0U);
}

}  // namespace culvert::test
