#include "ike/proposal/compare.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace culvert::ike {
namespace {

// RFC 7296 3.3.6: unknown attributes and key lengths that are not ours make another transform.
bool same(const Transform& a, const Transform& b) {
    return !a.unknown_attributes && !b.unknown_attributes && a.type == b.type && a.id == b.id &&
           a.key_bits == b.key_bits;
}

std::optional<Transform> first_common(const std::vector<Transform>& ours,
                                      const std::vector<Transform>& theirs) {
    for (const Transform& one : ours) {
        const auto equal = [&one](const Transform& other) { return same(one, other); };
        if (std::ranges::any_of(theirs, equal)) { return one; }
    }
    return {};
}

bool is_aead(const Transform& encryption) {
    return crypto::is_aead(crypto::EncryptionAlgorithm{encryption.id});
}

// Types that a proposal of this protocol may have (RFC 7296 3.3.3). One that we do not understand
// there makes it unacceptable (3.3.6).
bool understood(ProtocolId protocol, TransformType type) {
    if (is_additional_ke(type)) { return true; }
    switch (type) {
        case TransformType::encr: return protocol != ProtocolId::ah;
        case TransformType::prf: return protocol == ProtocolId::ike;
        case TransformType::integ:
        case TransformType::ke: return true;
        case TransformType::esn: return protocol != ProtocolId::ike;
        case TransformType::addke1:
        case TransformType::addke7: break;
    }
    return false;
}

// RFC 7296 3.3.1: none in IKE_SA_INIT, 8 octets in a rekey of the IKE SA, 4 for ESP and AH.
bool spi_size_fits(const Proposal& proposal) {
    const std::size_t size = proposal.spi.size();
    return proposal.protocol == ProtocolId::ike ? size == 0 || size == 8 : size == 4;
}

class Comparer {
 public:
    Comparer(const Proposal& ours, const Proposal& theirs) : ours_(ours), theirs_(theirs) {}

    Comparison run(bool with_ke) {
        result_.wrong_protocol = ours_.protocol != theirs_.protocol;
        result_.wrong_spi_size = !spi_size_fits(theirs_);
        if (ours_.protocol == ProtocolId::ah) {
            mandatory(TransformType::integ);
        } else {
            encryption_and_integrity();
        }
        if (ours_.protocol == ProtocolId::ike) {
            mandatory(TransformType::prf);
            mandatory(TransformType::ke);
            additional_key_exchanges();
        } else {
            if (with_ke) {
                with_default(TransformType::ke);
                additional_key_exchanges();
            }
            with_default(TransformType::esn);
        }
        not_understood();
        return std::move(result_);
    }

 private:
    void differ(TransformType type) {
        result_.differences.push_back(
            {type, transforms_of(ours_, type), transforms_of(theirs_, type)});
    }

    void mandatory(TransformType type) {
        const auto both = first_common(transforms_of(ours_, type), transforms_of(theirs_, type));
        if (both) {
            result_.common.push_back(*both);
        } else {
            differ(type);
        }
    }

    // KE and ESN in ESP and AH: absent means 0 (none; 32-bit numbers) and stays absent.
    void with_default(TransformType type) {
        const Transform zero{.type = type};
        auto ours = transforms_of(ours_, type);
        auto theirs = transforms_of(theirs_, type);
        const bool offered = !theirs.empty();
        if (ours.empty()) { ours.push_back(zero); }
        if (theirs.empty()) { theirs.push_back(zero); }
        const auto both = first_common(ours, theirs);
        if (!both) {
            result_.differences.push_back({type, std::move(ours), std::move(theirs)});
        } else if (offered) {
            result_.common.push_back(*both);
        }
    }

    // RFC 9370 2.2.1: of each type one, absent means none, and no method twice: a matching, in
    // which the earlier types have their wish as far as it leaves something to the later ones.
    void additional_key_exchanges() {
        const auto has_some = [](const Proposal& proposal) {
            return std::ranges::any_of(proposal.transforms, is_additional_ke, &Transform::type);
        };
        if (!has_some(ours_) && !has_some(theirs_)) { return; }
        std::array<std::vector<Transform>, additional_ke_max> options;
        for (std::size_t i = 0; i < additional_ke_max; ++i) {
            const TransformType type = additional_ke_type(i);
            const Transform zero{.type = type};
            auto ours = transforms_of(ours_, type);
            auto theirs = transforms_of(theirs_, type);
            if (ours.empty()) { ours.push_back(zero); }
            if (theirs.empty()) { theirs.push_back(zero); }
            for (const Transform& one : ours) {
                if (first_common({one}, theirs)) { options.at(i).push_back(one); }
            }
        }
        std::array<std::optional<Transform>, additional_ke_max> taken;
        for (std::size_t i = additional_ke_max; i-- > 0;) {
            std::vector<std::uint16_t> tried;
            if (take_one(i, options, taken, tried)) { continue; }
            const TransformType type = additional_ke_type(i);
            result_.differences.push_back(
                {type, transforms_of(ours_, type), transforms_of(theirs_, type)});
        }
        for (std::size_t i = 0; i < additional_ke_max; ++i) {
            const bool offered = !transforms_of(theirs_, additional_ke_type(i)).empty();
            if (taken.at(i) && offered) { result_.common.push_back(*taken.at(i)); }
        }
    }

    using Options = std::array<std::vector<Transform>, additional_ke_max>;
    using Taken = std::array<std::optional<Transform>, additional_ke_max>;
    static bool take_one(std::size_t type, const Options& options, Taken& taken,
                         std::vector<std::uint16_t>& tried) {
        for (const Transform& one : options.at(type)) {
            if (one.id != 0) {
                if (std::ranges::find(tried, one.id) != tried.end()) { continue; }
                tried.push_back(one.id);
                const auto holder = std::ranges::find_if(
                    taken, [&](const auto& other) { return other && other->id == one.id; });
                if (holder != taken.end() &&
                    !take_one(static_cast<std::size_t>(holder - taken.begin()), options, taken,
                              tried)) {
                    continue;
                }
            }
            taken.at(type) = one;
            return true;
        }
        return false;
    }

    // RFC 7296 3.3: an AEAD goes with no integrity, or with NONE; everything else needs one. So the
    // cipher is taken for which the integrity fits, too.
    void encryption_and_integrity() {
        const auto theirs = transforms_of(theirs_, TransformType::encr);
        std::optional<Transform> cipher;
        for (const Transform& one : transforms_of(ours_, TransformType::encr)) {
            if (!first_common({one}, theirs)) { continue; }
            cipher = cipher.value_or(one);
            if (take_integrity(one)) {
                result_.common.insert(result_.common.begin(), one);
                return;
            }
        }
        if (cipher) {
            result_.common.push_back(*cipher);
            differ(TransformType::integ);
            return;
        }
        differ(TransformType::encr);
        // With different ciphers, integrity is a difference of its own only where both need one.
        const bool both_need = !transforms_of(ours_, TransformType::integ).empty() &&
                               !transforms_of(theirs_, TransformType::integ).empty();
        if (both_need) { mandatory(TransformType::integ); }
    }

    bool take_integrity(const Transform& cipher) {
        const auto theirs = transforms_of(theirs_, TransformType::integ);
        const Transform none{.type = TransformType::integ};
        const bool aead = is_aead(cipher);
        if (aead && theirs.empty()) { return true; }
        auto ours = transforms_of(ours_, TransformType::integ);
        std::erase_if(ours, [](const Transform& t) { return t.id == 0; });
        if (aead) { ours = {none}; }
        const auto both = first_common(ours, theirs);
        if (both) { result_.common.push_back(*both); }
        return both.has_value();
    }

    void not_understood() {
        std::vector<TransformType> seen;
        for (const Transform& transform : theirs_.transforms) {
            if (understood(ours_.protocol, transform.type) ||
                std::ranges::find(seen, transform.type) != seen.end()) {
                continue;
            }
            seen.push_back(transform.type);
            differ(transform.type);
        }
    }

    const Proposal& ours_;
    const Proposal& theirs_;
    Comparison result_;
};

}  // namespace

std::vector<Transform> transforms_of(const Proposal& proposal, TransformType type) {
    std::vector<Transform> out;
    for (const Transform& transform : proposal.transforms) {
        if (transform.type == type) { out.push_back(transform); }
    }
    return out;
}

bool may_match(const Proposal& ours, const Proposal& theirs) {
    if (ours.protocol != theirs.protocol) { return false; }
    const auto is_ours = [&ours](const Transform& one) {
        return std::ranges::any_of(ours.transforms,
                                   [&one](const Transform& other) { return same(one, other); });
    };
    bool cipher = ours.protocol == ProtocolId::ah;
    bool aead = false;
    bool integrity = false;
    bool prf = ours.protocol != ProtocolId::ike;
    bool ke = prf;
    for (const Transform& one : theirs.transforms) {
        switch (one.type) {
            case TransformType::encr:
                if (is_ours(one)) {
                    cipher = true;
                    aead = aead || is_aead(one);
                }
                break;
            case TransformType::integ: integrity = integrity || is_ours(one); break;
            case TransformType::prf: prf = prf || is_ours(one); break;
            case TransformType::ke: ke = ke || is_ours(one); break;
            default:
                if (!understood(ours.protocol, one.type)) { return false; }
        }
    }
    return cipher && prf && ke && (aead || integrity);
}

Comparison compare(const Proposal& ours, const Proposal& theirs, bool with_ke) {
    return Comparer{ours, theirs}.run(with_ke);
}

}  // namespace culvert::ike
