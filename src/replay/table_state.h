// The frame around a saved table: magic, version, options, checksum.
//
//   | "RLREPLAY" | u32 version | options as text | u64 draws | ItemStore::save | u32 CRC-32C |
#pragma once

#include <span>
#include <string>

#include "rl/core/bytes.h"
#include "rl/replay/table.h"

namespace rl::replay {

void write_state_header(ByteWriter& writer, const TableOptions& options);
// Throws Error when the version or an option differs.
void read_state_header(ByteReader& reader, const TableOptions& options, const std::string& where);
// The state without its checksum, which must match; else throws Error.
std::span<const std::byte> checked_body(std::span<const std::byte> state, const std::string& where);

}  // namespace rl::replay
