#pragma once
// What one VICI client can cost us. The first three are the protocol's own.

#include <cstddef>

namespace culvert::vici {

// Octets of a packet, its 32-bit length not counted.
constexpr std::size_t packet_size_max = 512 * 1024;
constexpr std::size_t name_size_max = 255;     // a command, an event, a key
constexpr std::size_t value_size_max = 65535;  // a value, an item of a list

constexpr std::size_t depth_max = 32;  // sections inside sections

// A subscriber that reads slower than events come loses events (they are counted) from here on...
constexpr std::size_t event_queue_max = 1024 * 1024;
// ...and a client that does not read the answers that it asked for is cut off here.
constexpr std::size_t output_queue_max = 32 * 1024 * 1024;

// A client helper keeps no more events than this that nobody has taken yet.
constexpr std::size_t events_held_max = 4096;

// For the shell: further clients are turned away.
constexpr std::size_t clients_max = 64;

}  // namespace culvert::vici
