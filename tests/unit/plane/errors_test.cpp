#include "plane/errors.hpp"

#include <cerrno>

#include <gtest/gtest.h>

namespace culvert::plane {
namespace {

TEST(PlaneErrors, APortInUseNamesThePortAndWhoHasIt) {
    const std::string said = explain(port_in_use(4500, IpFamily::v4, "charon (pid 123)"));
    EXPECT_NE(said.find("4500"), std::string::npos);
    EXPECT_NE(said.find("stop charon (pid 123)"), std::string::npos);
    EXPECT_NE(explain(port_in_use(500, IpFamily::v6, {})).find("ss -ulnp"), std::string::npos);
}

TEST(PlaneErrors, EachStartFailureSaysWhatToDo) {
    EXPECT_NE(no_privilege("to open UDP port 500", EACCES).remedy.find("CAP_NET_ADMIN"),
              std::string::npos);
    EXPECT_NE(no_tun_device("/dev/net/tun", ENOENT).remedy.find("modprobe tun"), std::string::npos);
    EXPECT_EQ(no_tun_device("/dev/net/tun", ENOENT).code, ErrorCode::no_device);
    EXPECT_NE(no_nft("there is no nft").remedy.find("install nftables"), std::string::npos);
}

TEST(PlaneErrors, AClosedPortOfAPeerSaysSo) {
    const Error error =
        unreachable(Endpoint::parse("192.0.2.2:500").value(), ECONNREFUSED, "192.0.2.2");
    EXPECT_EQ(error.code, ErrorCode::peer_unreachable);
    EXPECT_NE(explain(error).find("192.0.2.2[500]"), std::string::npos);
    EXPECT_NE(error.remedy.find("IKE daemon"), std::string::npos);
}

}  // namespace
}  // namespace culvert::plane
