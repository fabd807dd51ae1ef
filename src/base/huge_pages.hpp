#pragma once
// Large tables that are looked into at random: with small pages each look costs a walk through the
// page tables besides.

#include <cstddef>

namespace culvert {

// Where it pays to begin and end memory of this kind.
constexpr std::size_t huge_page_size = std::size_t{2} << 20U;

// Asks the system for huge pages under memory that begins and ends where they do. A wish: where it
// has none to give, everything works as before.
void prefer_huge_pages(void* memory, std::size_t size);

}  // namespace culvert
