// get-algorithms: what this build can run, by strongSwan's names.

#include <array>
#include <initializer_list>

#include "daemon/commands.hpp"

namespace culvert::daemon {
namespace {

using crypto::EncryptionAlgorithm;
using crypto::IntegrityAlgorithm;
using crypto::KeMethod;
using crypto::PrfAlgorithm;
using vici::Section;

// All of it runs on one provider, OpenSSL; the packet engine uses ipsec-mb where the CPU has it.
constexpr std::string_view provider = "openssl";

template <class Algorithm>
void add(Section& out, std::initializer_list<Algorithm> algorithms) {
    for (const Algorithm algorithm : algorithms) { out.set(ike::to_string(algorithm), provider); }
}

}  // namespace

void Commands::get_algorithms(ClientId client, const vici::Message&) {
    Section encryption;
    add(encryption,
        {EncryptionAlgorithm::aes_cbc, EncryptionAlgorithm::aes_ctr, EncryptionAlgorithm::des3_cbc,
         EncryptionAlgorithm::null, EncryptionAlgorithm::null_auth_aes_gmac});
    Section integrity;
    add(integrity, {IntegrityAlgorithm::hmac_sha1_96, IntegrityAlgorithm::hmac_sha2_256_128,
                    IntegrityAlgorithm::hmac_sha2_384_192, IntegrityAlgorithm::hmac_sha2_512_256,
                    IntegrityAlgorithm::hmac_sha2_256_96, IntegrityAlgorithm::aes_xcbc_96,
                    IntegrityAlgorithm::aes_cmac_96, IntegrityAlgorithm::aes128_gmac,
                    IntegrityAlgorithm::aes192_gmac, IntegrityAlgorithm::aes256_gmac});
    Section aead;
    add(aead, {EncryptionAlgorithm::aes_gcm_8, EncryptionAlgorithm::aes_gcm_12,
               EncryptionAlgorithm::aes_gcm_16, EncryptionAlgorithm::aes_ccm_8,
               EncryptionAlgorithm::aes_ccm_12, EncryptionAlgorithm::aes_ccm_16,
               EncryptionAlgorithm::chacha20_poly1305, EncryptionAlgorithm::aes_gcm_16_iiv,
               EncryptionAlgorithm::aes_ccm_8_iiv, EncryptionAlgorithm::chacha20_poly1305_iiv});
    Section prf;
    add(prf, {PrfAlgorithm::hmac_sha1, PrfAlgorithm::hmac_sha2_256, PrfAlgorithm::hmac_sha2_384,
              PrfAlgorithm::hmac_sha2_512, PrfAlgorithm::aes128_xcbc, PrfAlgorithm::aes128_cmac});
    Section ke;
    add(ke, {KeMethod::modp1024, KeMethod::modp1536, KeMethod::modp2048, KeMethod::modp3072,
             KeMethod::modp4096, KeMethod::modp6144, KeMethod::modp8192, KeMethod::ecp256,
             KeMethod::ecp384, KeMethod::ecp521, KeMethod::ecp256bp, KeMethod::ecp384bp,
             KeMethod::ecp512bp, KeMethod::curve25519, KeMethod::curve448});
    vici::Message out;
    out.set("encryption", std::move(encryption));
    out.set("integrity", std::move(integrity));
    out.set("aead", std::move(aead));
    Section hasher;
    for (const std::string_view hash :
         {"HASH_SHA1", "HASH_SHA2_256", "HASH_SHA2_384", "HASH_SHA2_512"}) {
        hasher.set(hash, provider);
    }
    out.set("hasher", std::move(hasher));
    out.set("prf", std::move(prf));
    out.set("dh", ke);  // the key of clients before 6.0
    out.set("ke", std::move(ke));
    out.set("rng", Section{}.set("RNG_STRONG", provider));
    out.set("nonce-gen", Section{}.set("NONCE_GEN", provider));
    parts_.server.respond(client, out);
}

}  // namespace culvert::daemon
