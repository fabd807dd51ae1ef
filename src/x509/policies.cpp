#include "x509/policies.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "crypto/must.hpp"

namespace culvert::x509 {
namespace {

struct FreeStack {
    void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
    void operator()(STACK_OF(ASN1_OBJECT) * stack) const {
        sk_ASN1_OBJECT_pop_free(stack, ASN1_OBJECT_free);
    }
};
using Oids = std::unique_ptr<STACK_OF(ASN1_OBJECT), FreeStack>;
using Tree = std::unique_ptr<X509_POLICY_TREE, decltype(&X509_policy_tree_free)>;

Error not_for(const Certificate& leaf, std::string wanted, std::string_view why) {
    return {.code = ErrorCode::authentication_failed,
            .wanted = std::move(wanted),
            .received = leaf.to_string() + std::string{why},
            .remedy = "issue it with that policy, by authorities that have it themselves"};
}

// The initial set (RFC 5280 6.1.1 (c)), where none is wanted any. Null: an OID that is none.
Oids oids_of(const std::vector<std::string>& wanted) {
    Oids out{sk_ASN1_OBJECT_new_null()};
    MUST(out != nullptr);
    if (wanted.empty()) { MUST(sk_ASN1_OBJECT_push(out.get(), OBJ_nid2obj(NID_any_policy)) > 0); }
    for (const std::string& one : wanted) {
        ASN1_OBJECT* const oid = OBJ_txt2obj(one.c_str(), 1);
        if (oid == nullptr) { return nullptr; }
        MUST(sk_ASN1_OBJECT_push(out.get(), oid) > 0);
    }
    return out;
}

bool has(const X509_POLICY_TREE* tree, const ASN1_OBJECT* policy) {
    const STACK_OF(X509_POLICY_NODE)* const nodes = X509_policy_tree_get0_user_policies(tree);
    for (int i = 0; i < sk_X509_POLICY_NODE_num(nodes); ++i) {
        const ASN1_OBJECT* const held =
            X509_policy_node_get0_policy(sk_X509_POLICY_NODE_value(nodes, i));
        if (OBJ_cmp(held, policy) == 0) { return true; }
    }
    return false;
}

// What the anchor itself asks for is no part of the path (RFC 5280 6.1).
bool one_asks(const std::vector<Certificate>& chain) {
    return std::any_of(chain.begin(), chain.end() - 1, [](const Certificate& one) {
        return X509_get_ext_by_NID(one.object(), NID_policy_constraints, -1) >= 0;
    });
}

}  // namespace

Status check_policies(const std::vector<Certificate>& chain,
                      const std::vector<std::string>& wanted) {
    if (chain.size() < 2 && wanted.empty()) { return {}; }
    if (wanted.empty() && !one_asks(chain)) { return {}; }
    const Certificate& leaf = chain.front();
    const std::unique_ptr<STACK_OF(X509), FreeStack> path{sk_X509_new_null()};
    MUST(path != nullptr);
    for (const Certificate& one : chain) { MUST(sk_X509_push(path.get(), one.object()) > 0); }
    // One that is trusted as it is has nobody above it: its own word counts.
    if (chain.size() == 1) { MUST(sk_X509_push(path.get(), leaf.object()) > 0); }
    const Oids oids = oids_of(wanted);
    if (oids == nullptr) { return std::unexpected(not_for(leaf, wanted.front(), " without it")); }
    X509_POLICY_TREE* made = nullptr;
    int explicitly = 0;
    const int done = X509_policy_check(&made, &explicitly, path.get(), oids.get(),
                                       wanted.empty() ? 0 : X509_V_FLAG_EXPLICIT_POLICY);
    const Tree tree{made, X509_policy_tree_free};
    ERR_clear_error();
    if (done == -1) {
        return std::unexpected(
            not_for(leaf, "", ", where a policy extension of its chain is malformed"));
    }
    if (wanted.empty()) {
        if (done > 0) { return {}; }
        return std::unexpected(
            not_for(leaf, "", ", which has no policy, and an authority above it asks for one"));
    }
    for (int i = 0; i < sk_ASN1_OBJECT_num(oids.get()); ++i) {
        if (done > 0 && has(tree.get(), sk_ASN1_OBJECT_value(oids.get(), i))) { continue; }
        return std::unexpected(
            not_for(leaf, wanted.at(static_cast<std::size_t>(i)),
                    " without it, or with an authority above it that may not give it"));
    }
    return {};
}

}  // namespace culvert::x509
