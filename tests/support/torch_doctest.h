// The fence between LibTorch and doctest: both define CHECK, CHECK_EQ, … and the one included last
// wins silently; with Torch last an assertion counts nothing and a failure ends the process.
// A Torch test includes this header instead of <doctest/doctest.h>. Every other Torch header may
// come before or after it: their only definition of the names is the logging header included here.
// It brings tensors with their methods and operators (3 s to compile). Factories and functions
// come from the header of the operator, as <ATen/ops/zeros.h>, or all from <ATen/ATen.h> (10 s).
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <c10/util/Logging.h>

#undef CHECK
#undef CHECK_EQ
#undef CHECK_NE
#undef CHECK_LT
#undef CHECK_LE
#undef CHECK_GT
#undef CHECK_GE

#include <doctest/doctest.h>
