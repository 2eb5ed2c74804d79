"""Writes mixed.safetensors with the `safetensors` package (made with version 0.8.0).

    python -m pip install safetensors numpy && python make_safetensors.py
"""
import os

import numpy as np
from safetensors.numpy import save_file

folder = os.path.dirname(os.path.abspath(__file__))
tensors = {
    "actor.0.weight": np.arange(6, dtype=np.float32).reshape(2, 3) / 4,
    "actor.0.bias": np.array([-1.5, 2.25, 1e-30], dtype=np.float32),
    "moments": np.array([[1e300], [-0.0]], dtype=np.float64),
    "steps": np.array([2**62, -7], dtype=np.int64),
    "counts": np.array([[3, -4]], dtype=np.int32),
    "half": np.array([0.5, 65504.0], dtype=np.float16),
    "mask": np.array([1, 0, 255], dtype=np.uint8),
    "empty": np.zeros((0, 5), dtype=np.float32),
    "scalar": np.array(42.0, dtype=np.float64),
}
save_file(tensors, os.path.join(folder, "mixed.safetensors"),
          metadata={"corral.policy": "{\"kind\": \"mlp\"}", "note": "ünïcode"})
