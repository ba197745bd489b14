//go:build linux && !amd64

package render

// forbiddenOld are calls that only older tables have.
var forbiddenOld []uintptr
