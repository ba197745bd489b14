//go:build race

package enginetest

// Race says that the race detector is on.
const Race = true
