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
	if !cpu.X86.HasAVX512BW || !cpu.X86.HasAVX512VNNI {
		return []*implementation{&avx512, avx2}
	}
	vnni := avx512
	vnni.name, vnni.int8Tiles, vnni.int4Tiles, vnni.wideInputs = "avx512vnni", vnniInt8Tiles, vnniInt4Tiles, false
	vnni.int8Row, vnni.int4Row = intTile{}, intTile{}
	vnni.ceilings = &vnniCeilings
	if !cpu.X86.HasAVX512BF16 || !cpu.X86.HasAVX512VL {
		return []*implementation{&vnni, &avx512, avx2}
	}
	bf16 := vnni
	bf16.name, bf16.tiles, bf16.ceilings = "avx512bf16", pairTiles, &pairCeilings
	return []*implementation{&bf16, &vnni, &avx512, avx2}
}
