#pragma once
// Which of this host's keys and certificates a connection signs with.

#include <string>
#include <vector>

#include "ike/connection.hpp"

namespace culvert::ike {

// Fills in what the connection needs of the credentials: the keys of local.own, or, where none is
// named, those of the certificates that fit local.id; local.id and remote.id where only the
// certificates say them. What is said is for people: a certificate whose key is missing, an id that
// no certificate confirms.
std::vector<std::string> bind(Connection& connection, const CredentialSet& credentials);

}  // namespace culvert::ike
