#include "base/huge_pages.hpp"

#include <sys/mman.h>

namespace culvert {

void prefer_huge_pages(void* memory, std::size_t size) {
    (void)madvise(memory, size, MADV_HUGEPAGE);
}

}  // namespace culvert
