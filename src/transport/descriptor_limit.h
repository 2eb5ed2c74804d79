// Room for the connections of many workers.
#pragma once

#include <cstddef>

namespace rl::transport {

// A connection holds a file descriptor, and libzmq without descriptors neither accepts workers nor
// says so. Raises this process's soft limit (often 1024) as far as so many connections need.
// Throws Error, having changed nothing, when the hard limit is below that.
void make_room_for_connections(std::size_t connections);

}  // namespace rl::transport
