#pragma once
// Whole IKEv2 messages: clear ones (IKE_SA_INIT), ones closed by an SK payload, and fragments (RFC
// 7383).

#include <cstddef>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/error.hpp"
#include "base/random.hpp"
#include "crypto/ike_cipher.hpp"
#include "ike/wire/header.hpp"
#include "ike/wire/payload.hpp"

namespace culvert::ike::wire {

struct Message {
    IkeHeader header;
    Payloads payloads;
    // Of an opened IKE_INTERMEDIATE message what AUTH covers (covered_octets()); else empty.
    Bytes covered{};

    friend bool operator==(const Message&, const Message&) = default;
};

// A message as it arrived, with nothing opened: an SK or SKF payload is in `payloads` as it is.
// Major version other than 2: unsupported_version with notify invalid_major_version. Everything
// else that is wrong: malformed, without notify, since nothing of it is authenticated.
Result<Message> parse_message(ByteView datagram);

// A chain of payloads, the contents of SK for instance. Errors are malformed with notify
// invalid_syntax.
Result<Payloads> parse_payloads(PayloadType first, ByteView bytes);

// The reverse of both. Lengths and next payloads are filled in here; the critical bit is set on
// unknown payloads only (3.2). SK and SKF may stand at the end, closed as they are.
Bytes write(const IkeHeader& header, const Payloads& payloads);
Bytes write_payloads(const Payloads& payloads);
// The "next payload" that announces them; none if there are none.
PayloadType first_type(const Payloads& payloads);

// True if the message is closed, by SK or SKF.
bool is_protected(const Message& message);

// The whole message with `payloads` inside SK. Fails with exhausted (the cipher's counter) and
// limit_reached (longer than UDP carries).
Result<Bytes> seal_message(const IkeHeader& header, const Payloads& payloads,
                           crypto::IkeCipher& cipher, Random& random);
// Checks and opens an SK message: header and what was inside. Errors: malformed without notify
// (before the ICV was checked), integrity_check_failed without notify, malformed with
// invalid_syntax (inside). Clear payloads before SK are left out. Unknown critical payloads are
// kept: ask unknown_critical().
Result<Message> open_message(ByteView datagram, const crypto::IkeCipher& cipher);

// What AUTH covers of an IKE_INTERMEDIATE message (RFC 9242 3.3.2): up to the end of the header of
// the SK payload, with lengths as if nothing were added to the payloads inside, then those. Of
// fragments: as if the message had been sent whole.
Bytes covered_octets(const IkeHeader& header, PayloadType first, ByteView plaintext);

// RFC 7383: the same for messages cut into SKF payloads so that no datagram is longer than
// `size_max` octets. One datagram if it fits: then plain SK, as 2.5.1 prefers.
Result<std::vector<Bytes>> seal_fragments(const IkeHeader& header, const Payloads& payloads,
                                          std::size_t size_max, crypto::IkeCipher& cipher,
                                          Random& random);
// The same message, which this cipher has sealed, in pieces of `size_max` octets at most: each is
// sealed anew, under another IV (RFC 7383 2.5.1).
Result<std::vector<Bytes>> cut_again(const std::vector<Bytes>& pieces, std::size_t size_max,
                                     crypto::IkeCipher& cipher, Random& random);
struct Fragment {
    IkeHeader header;
    PayloadType first = PayloadType::none;  // of the whole; known from fragment 1 only
    std::uint16_t number = 0;
    std::uint16_t total = 0;
    Bytes plaintext;  // joined in order of number: parse_payloads(first of fragment 1, joined)
};
Result<Fragment> open_fragment(ByteView datagram, const crypto::IkeCipher& cipher);

// "IKE_AUTH request 1 [ IDi AUTH SA TSi TSr N(MOBIKE_SUP) ]", fit for a log.
std::string describe(const Message& message);
std::string describe(const IkeHeader& header, const Payloads& payloads);

}  // namespace culvert::ike::wire
