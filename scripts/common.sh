# Shared by the scripts here; sourced, not run.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${CORRAL_CACHE:-$HOME/.cache/corral}
export CORRAL_CACHE=$cache

say() { printf '%s\n' "$*" >&2; }
die() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

presets() { sed -n 's/.*{"name": "\([a-z]*\)", "configurePreset.*/\1/p' "$root/CMakePresets.json"; }

# check_preset NAME: ends the script when there is no such preset.
check_preset() {
  presets | grep -x -- "$1" >/dev/null || die "no preset '$1'; there are: $(presets | paste -sd' ')"
}

# torch_option PRESET: prints what bootstrap needs to be told for it.
torch_option() {
  case $1 in
    light | asan) echo --no-torch ;;
    tsan) echo --no-torch --tsan ;;
    fuzz | coverage) echo --no-torch --fuzz ;;
  esac
}

# oracles_home: prints the folder of the reference implementations' Python, one per list of versions.
oracles_home() { echo "$cache/oracles-$(cksum <"$root/scripts/oracles.txt" | cut -d' ' -f1)"; }
