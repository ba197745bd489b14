//go:build race

package kerneltest

// Race tells that the race detector is on: long float loops then take twenty times as long, and
// tests do fewer of them.
const Race = true
