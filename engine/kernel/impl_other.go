//go:build purego || !(amd64 || arm64)

package kernel

// archImplementations: no assembly in this build.
func archImplementations() []*implementation { return nil }
