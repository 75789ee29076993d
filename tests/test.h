// The one place that knows which Catch2 this is (Debian 12 has 2.13). Use TEST_CASE, SECTION, REQUIRE,
// CHECK, GENERATE and Approx only: both versions have them.
#pragma once

#if __has_include(<catch2/catch_test_macros.hpp>)
#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
