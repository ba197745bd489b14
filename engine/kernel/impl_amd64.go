//go:build amd64 && !purego

package kernel

import "golang.org/x/sys/cpu"

// archImplementations lists what this processor (and its operating system) can run, best first.
func archImplementations() []*implementation {
	if !cpu.X86.HasAVX2 || !cpu.X86.HasFMA {
		return nil
	}
	avx2 := withAVX2()
	if !cpu.X86.HasAVX512F {
		return []*implementation{avx2}
	}
	// Products are where the time goes; the element-wise functions stay with AVX2.
	avx512 := *avx2
	avx512.name, avx512.tiles = "avx512", avx512Tiles
	return []*implementation{&avx512, avx2}
}
