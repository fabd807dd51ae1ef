#pragma once
// How culvertd ends where it cannot go on: one line, status 1, and nothing undone, as after a
// crash. Rule and unreachable routes hold until the next one comes (systemd starts it again), so
// that nothing leaves in the clear meanwhile. Allocates nothing.

namespace culvert::daemon {

// "culvertd: ends: <what>: <why>".
[[noreturn]] void end_at_once(const char* what, const char* why) noexcept;

// From now on std::bad_alloc where nobody can catch it (a thread, a destructor) ends us so, too.
// Every other reason to terminate aborts as ever.
void end_at_once_without_memory();

}  // namespace culvert::daemon
