#include "ike/auth/key_material.hpp"

#include <array>
#include <utility>

#include "base/writer.hpp"

namespace culvert::ike {
namespace {

// Cuts key material from the front.
class Cutter {
 public:
    explicit Cutter(const Secret& material) : left_(material.reveal()) {}

    Secret take(std::size_t size) {
        Secret out = Secret::copy_of(left_.first(size));
        left_ = left_.subspan(size);
        return out;
    }

 private:
    ByteView left_;
};

Bytes octets_of(IkeSpi spi) {
    Writer out;
    out.u64(spi.value());
    return out.take();
}

// RFC 7296 2.14: {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} =
// prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
IkeKeys expand(const ChosenIkeSuite& suite, const Secret& skeyseed, const IkeKeyInput& input) {
    const crypto::Prf prf{suite.prf};
    const std::size_t p = prf.output_size();
    const std::size_t a = crypto::IkeCipher::integrity_key_size(suite.integrity);
    const std::size_t e = crypto::IkeCipher::encryption_key_size(suite.encryption, suite.key_bits);
    const Bytes spi_i = octets_of(input.initiator_spi);
    const Bytes spi_r = octets_of(input.responder_spi);
    const Secret material =
        prf.plus(skeyseed.reveal(), {input.ni, input.nr, spi_i, spi_r}, 3 * p + 2 * a + 2 * e);
    Cutter cut{material};
    IkeKeys keys;
    keys.sk_d = cut.take(p);
    keys.sk_ai = cut.take(a);
    keys.sk_ar = cut.take(a);
    keys.sk_ei = cut.take(e);
    keys.sk_er = cut.take(e);
    keys.sk_pi = cut.take(p);
    keys.sk_pr = cut.take(p);
    return keys;
}

crypto::IkeCipher cipher_of(const ChosenIkeSuite& suite, const Secret& sk_e, const Secret& sk_a) {
    return {suite.encryption, suite.key_bits, suite.integrity, sk_e.clone(), sk_a.clone()};
}

}  // namespace

IkeKeys IkeKeys::clone() const {
    return {.sk_d = sk_d.clone(),
            .sk_ai = sk_ai.clone(),
            .sk_ar = sk_ar.clone(),
            .sk_ei = sk_ei.clone(),
            .sk_er = sk_er.clone(),
            .sk_pi = sk_pi.clone(),
            .sk_pr = sk_pr.clone()};
}

Secret derive_skeyseed(const crypto::Prf& prf, const Secret& shared, ByteView ni, ByteView nr) {
    const std::size_t part = prf.nonce_part_for_skeyseed();
    Bytes key;  // nonces are no secrets
    append(key, part == 0 ? ni : ni.first(part));
    append(key, part == 0 ? nr : nr.first(part));
    return prf(key, {shared.reveal()});
}

IkeKeys derive_ike_keys(const ChosenIkeSuite& suite, const Secret& shared,
                        const IkeKeyInput& input) {
    const Secret skeyseed = derive_skeyseed(crypto::Prf{suite.prf}, shared, input.ni, input.nr);
    return expand(suite, skeyseed, input);
}

IkeKeys derive_rekeyed_ike_keys(const ChosenIkeSuite& suite, crypto::PrfAlgorithm old_prf,
                                const Secret& old_sk_d, const Secret& shared,
                                const IkeKeyInput& input) {
    // RFC 7296 2.18: the exchange belongs to the old IKE SA, so SKEYSEED takes the old prf.
    const crypto::Prf prf{old_prf};
    const ByteView further = input.further == nullptr ? ByteView{} : input.further->reveal();
    const Secret skeyseed = prf(old_sk_d.reveal(), {shared.reveal(), input.ni, input.nr, further});
    return expand(suite, skeyseed, input);
}

crypto::IkeCipher initiator_cipher(const ChosenIkeSuite& suite, const IkeKeys& keys) {
    return cipher_of(suite, keys.sk_ei, keys.sk_ai);
}

crypto::IkeCipher responder_cipher(const ChosenIkeSuite& suite, const IkeKeys& keys) {
    return cipher_of(suite, keys.sk_er, keys.sk_ar);
}

std::size_t encryption_key_size(const IpsecSuite& suite) {
    const auto sizes = crypto::sizes_of(suite.encryption, suite.key_bits);
    return sizes.key + sizes.salt;
}

std::size_t integrity_key_size(const IpsecSuite& suite) {
    return crypto::sizes_of(suite.integrity).key;
}

ChildKeys derive_child_keys(const IpsecSuite& suite, crypto::PrfAlgorithm prf, const Secret& sk_d,
                            const Secret* shared, ByteView ni, ByteView nr, const Secret* further) {
    const std::size_t e = encryption_key_size(suite);
    const std::size_t a = integrity_key_size(suite);
    const ByteView fresh = shared != nullptr ? shared->reveal() : ByteView{};
    const ByteView more = further != nullptr ? further->reveal() : ByteView{};
    const Secret keymat =
        crypto::Prf{prf}.plus(sk_d.reveal(), {fresh, ni, nr, more}, 2 * e + 2 * a);
    Cutter cut{keymat};
    ChildKeys keys;
    keys.initiator.encryption = cut.take(e);
    keys.initiator.integrity = cut.take(a);
    keys.responder.encryption = cut.take(e);
    keys.responder.integrity = cut.take(a);
    return keys;
}

}  // namespace culvert::ike
