#pragma once
// One of our proposals beside one of the peer's: what both can do, or where they differ.

#include <vector>

#include "ike/proposal/proposal.hpp"

namespace culvert::ike {

// A transform type in which nothing is common. Empty: that side has none of the type.
struct Difference {
    TransformType type{};
    std::vector<Transform> ours;
    std::vector<Transform> theirs;
};

struct Comparison {
    // One transform a type, from those that both have, in our order of preference. With no
    // differences: what to answer.
    std::vector<Transform> common;
    std::vector<Difference> differences;
    bool wrong_protocol = false;
    bool wrong_spi_size = false;  // of the peer's proposal

    bool match() const { return differences.empty() && !wrong_protocol && !wrong_spi_size; }
};

Comparison compare(const Proposal& ours, const Proposal& theirs, bool with_ke);
// False: they do not match. At a small part of the cost, and without memory.
bool may_match(const Proposal& ours, const Proposal& theirs);

std::vector<Transform> transforms_of(const Proposal& proposal, TransformType type);

// The error's three texts for "none of ours with none of theirs".
struct Mismatch {
    const Proposals& ours;
    const Proposals& theirs;
    bool with_ke;
};
std::string list(const Proposals& proposals);
// What to change so that the nearest pair fits. `setting`: "connections.gw.proposals".
std::string nearest_change(const Mismatch& mismatch, std::string_view setting);

}  // namespace culvert::ike
