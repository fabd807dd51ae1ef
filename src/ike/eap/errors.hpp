#pragma once
// Why EAP fails, for those who run either side.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "ike/auth/identity.hpp"
#include "ike/eap/type.hpp"

namespace culvert::ike::eap {

// ---- the server's
Error unknown_user(std::string_view connection, const Identity& user, Type method);
Error wrong_password(std::string_view connection, const Identity& user, std::string_view section,
                     Type method);
// The peer wants none of what we have.
Error no_method_in_common(std::string_view connection, const std::vector<Type>& ours,
                          const std::vector<Type>& wanted);
Error peer_disbelieves(std::string_view connection, const Identity& user);

// ---- the peer's
Error no_own_password(std::string_view connection, const Identity& user, Type method);
// EAP-MSCHAPv2's error number and text.
Error password_refused(std::string_view connection, const Identity& user, std::string_view section,
                       unsigned number, std::string_view text);
Error server_not_proved(std::string_view connection, const Identity& user,
                        std::string_view section);
Error method_not_ours(std::string_view connection, const std::vector<Type>& ours, Type asked);
Error failure_received(std::string_view connection, const Identity& user,
                       const std::string& method);
Error success_too_early(std::string_view connection, const std::string& method);
Error method_switched(std::string_view connection, Type begun, Type asked);

// ---- of either side
Error no_own_certificate(std::string_view connection);
Error tls_failed(std::string_view connection, const Error& why);
Error bad_data(std::string_view connection, Type method, const Error& why);
Error out_of_turn(std::string_view connection, std::string_view wanted, std::string_view received);
Error endless(std::string_view connection);

}  // namespace culvert::ike::eap
