//go:build !amd64 || purego

package kernel

// archImplementations: no assembly in this build.
func archImplementations() []*implementation { return nil }
