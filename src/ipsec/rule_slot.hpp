#pragma once
// What a look-up in a RuleTable reads: a key and its rule, side by side. Not for others.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "ipsec/classifier_rule.hpp"

namespace culvert::ipsec {

// A packet's addresses, protocol and ports, or what a shape leaves of them. The last word has
// `rule_key_bits` bits.
template <std::size_t Words>
using RuleKey = std::array<std::uint64_t, Words>;
constexpr unsigned rule_key_bits = 41;

// One plain rule, or a reference to all rules of its key. Two of IPv4 fill a line of the cache, or
// one of IPv6.
template <std::size_t Words>
class alignas(Words <= 2 ? 32 : 64) RuleSlot {
 public:
    using Key = RuleKey<Words>;

    // Free.
    RuleSlot() = default;
    RuleSlot(const Key& key, const ClassifierRule& rule)
        : words_(key),
          value_(rule.order.serial),
          priority_(rule.order.priority),
          reqid_(rule.reqid.value()) {
        words_.back() |= used_bit | (rule.trap ? trap_bit : 0) |
                         std::uint64_t{std::to_underlying(rule.action)} << action_shift;
    }
    RuleSlot(const Key& key, NodeRef<ClassifierRules> rules)
        : words_(key),
          value_(std::bit_cast<std::uintptr_t>(rules.release())),
          priority_(this->rules().in_order.front().order.priority) {
        words_.back() |= used_bit | many_bit;
    }
    RuleSlot(const RuleSlot& other)
        : words_(other.words_),
          value_(other.value_),
          priority_(other.priority_),
          reqid_(other.reqid_) {
        if (many()) { NodeRef<ClassifierRules>{&rules()}.release(); }
    }
    RuleSlot(RuleSlot&& other) noexcept { swap(other); }
    RuleSlot& operator=(RuleSlot other) noexcept {
        swap(other);
        return *this;
    }
    ~RuleSlot() {
        if (many()) { NodeRef<ClassifierRules>::adopt(&rules()); }
    }

    bool used() const { return (words_.back() & used_bit) != 0; }
    bool many() const { return (words_.back() & many_bit) != 0; }
    Key key() const {
        Key out = words_;
        out.back() &= key_mask;
        return out;
    }
    bool is(const Key& key) const {
        std::uint64_t other = (words_.back() & (key_mask | used_bit)) ^ (key.back() | used_bit);
        for (std::size_t i = 0; i + 1 < Words; ++i) { other |= words_[i] ^ key[i]; }
        return other == 0;
    }

    // Of one that is not many().
    PolicyAction action() const {
        return static_cast<PolicyAction>(words_.back() >> action_shift & 3U);
    }
    bool trap() const { return (words_.back() & trap_bit) != 0; }
    ReqId reqid() const { return ReqId{reqid_}; }
    RuleOrder order() const { return {priority_, value_}; }
    ClassifierRule rule() const {
        return {.order = order(), .action = action(), .trap = trap(), .reqid = reqid()};
    }
    // Of one that is.
    ClassifierRules& rules() const {
        return *std::bit_cast<ClassifierRules*>(static_cast<std::uintptr_t>(value_));
    }

    // Bits that the table keeps here, whatever else does: a slot that is taken or left has those of
    // before.
    std::uint16_t notes() const { return static_cast<std::uint16_t>(words_.back() >> notes_shift); }
    void set_notes(std::uint16_t notes) {
        words_.back() = (words_.back() & ~(std::uint64_t{0xffff} << notes_shift)) |
                        std::uint64_t{notes} << notes_shift;
    }

 private:
    static constexpr std::uint64_t key_mask = (std::uint64_t{1} << rule_key_bits) - 1;
    static constexpr std::uint64_t used_bit = std::uint64_t{1} << rule_key_bits;
    static constexpr std::uint64_t many_bit = used_bit << 1U;
    static constexpr std::uint64_t trap_bit = used_bit << 2U;
    static constexpr unsigned action_shift = rule_key_bits + 3;
    static constexpr unsigned notes_shift = 48;
    static_assert(action_shift + 2 <= notes_shift);

    void swap(RuleSlot& other) noexcept {
        std::swap(words_, other.words_);
        std::swap(value_, other.value_);
        std::swap(priority_, other.priority_);
        std::swap(reqid_, other.reqid_);
    }

    Key words_{};
    std::uint64_t value_ = std::numeric_limits<std::uint64_t>::max();  // a serial, or an address
    std::uint32_t priority_ = std::numeric_limits<std::uint32_t>::max();
    std::uint32_t reqid_ = 0;
};

static_assert(sizeof(RuleSlot<2>) == 32 && sizeof(RuleSlot<5>) == 64);

}  // namespace culvert::ipsec
