//go:build arm64 && !purego

package kernel

import "golang.org/x/sys/cpu"

// archImplementations lists what this processor (and its operating system) can run, best first.
func archImplementations() []*implementation {
	if !cpu.ARM64.HasASIMDDP {
		return nil
	}
	neon := goImplementation
	neon.name, neon.noOffset = "neon", true
	neon.int8Tiles = []intTile{{rows: 4, cols: panelWidth, int8: tile4x16Int8NEON}, {rows: 1, cols: panelWidth, int8: tile1x16Int8NEON}}
	neon.int4Tiles = []intTile{{rows: 2, cols: panelWidth, int4: tile2x16Int4NEON}, {rows: 1, cols: panelWidth, int4: tile1x16Int4NEON}}
	return []*implementation{&neon}
}

// The micro-kernels over whole numbers for NEON with the dot product, named rows x outputs; see intTile.

//go:noescape
func tile4x16Int8NEON(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile1x16Int8NEON(acc *int32, ldacc int, a *int8, lda int, b *byte, ldb, cells int, more bool)

//go:noescape
func tile2x16Int4NEON(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)

//go:noescape
func tile1x16Int4NEON(acc *int32, ldacc int, a *int8, lda int, starts *int16, ldstart int, b *byte, ldb int, steps *int8, lds, groups int, more bool)
