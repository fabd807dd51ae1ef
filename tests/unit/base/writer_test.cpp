#include "base/writer.hpp"

#include <gtest/gtest.h>

#include "base/reader.hpp"

namespace culvert {
namespace {

TEST(Writer, WritesNetworkOrder) {
    Writer out;
    out.u8(1);
    out.u16(0x0203);
    out.u32(0x04050607);
    out.u64(0x08090a0b0c0d0e0f);
    out.bytes(Bytes{0x10, 0x11});
    out.zeros(2);
    EXPECT_EQ(out.size(), 19U);
    EXPECT_EQ(to_hex(out.view()), "0102030405060708090a0b0c0d0e0f10110000");
    const Bytes taken = out.take();
    EXPECT_EQ(taken.size(), 19U);
    EXPECT_EQ(out.size(), 0U);
}

TEST(Writer, PatchesWhatIsThere) {
    Writer out;
    out.zeros(8);
    out.patch_u8(0, 0xaa);
    out.patch_u16(1, 0xbbcc);
    out.patch_u32(4, 0x01020304);
    EXPECT_EQ(to_hex(out.view()), "aabbcc0001020304");
}

TEST(WriterDeathTest, PatchingBehindTheEndIsABug) {
    Writer out;
    out.zeros(4);
    EXPECT_DEATH(out.patch_u32(1, 0), "does not hold");
    EXPECT_DEATH(out.patch_u8(4, 0), "does not hold");
    EXPECT_DEATH(out.patch_u16(~std::size_t{0}, 0), "does not hold");
}

TEST(Writer, WhatItWritesTheReaderReads) {
    Writer out;
    out.u64(~std::uint64_t{0});
    out.u32(0x80000000);
    out.u16(0xffff);
    out.u8(0);
    const Bytes octets = out.take();
    Reader in{octets};
    EXPECT_EQ(in.u64(), ~std::uint64_t{0});
    EXPECT_EQ(in.u32(), 0x80000000U);
    EXPECT_EQ(in.u16(), 0xffffU);
    EXPECT_EQ(in.u8(), 0U);
    EXPECT_TRUE(in.finish(0, "thing"));
}

}  // namespace
}  // namespace culvert
