# Which layer may include which; arrows point down only. A layer is a folder of include/rl; its
# implementation is in src/<layer> or in <layer>. Each may use the layers named beside it, and itself.
set(uses_core)
set(uses_cuda core)
set(uses_formats core)
set(uses_envs core)
set(uses_replay core)
set(uses_reporting core formats)
set(uses_transport core formats)
set(uses_policies core formats)
set(uses_text core formats)
set(uses_language core formats text)
set(uses_rollout core formats envs policies transport text language)
# ---- the Torch line; algorithms/options.h, registry.h and returns.h are below it ----
set(uses_algorithms core)
set(uses_models core formats policies algorithms language)
set(uses_learner core cuda formats envs replay reporting transport policies rollout algorithms models text
  language)
# ---- programs ----
set(uses_cli core formats algorithms learner transport language)
set(layers core cuda formats envs replay reporting transport policies text language rollout algorithms models learner cli)

# Where a third-party header may be seen: in .cpp files and private headers of these layers.
set(seen_ATen algorithms models learner)
set(seen_torch models learner)
set(seen_c10 algorithms models learner)
set(seen_zmq transport)
set(seen_cereal transport)
set(seen_Eigen policies)
set(seen_boost cli)
set(seen_nlohmann formats policies reporting text language models learner)
set(seen_pcre2 text)
set(seen_utf8proc text)
set(seen_sodium formats transport)
set(seen_cuda_runtime_api cuda)
set(seen_cuda_runtime cuda)
# The one third-party header a public header may include.
set(public_tensor_header ATen/core/Tensor.h)
