//go:build amd64 && !purego && linux

package kernel_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"palimpsest.dev/engine/kernel"
)

// TestPairsByEmulation takes the micro-kernels over pairs of bfloat16 apart, with the instruction that Go's assembler does not
// know, and runs them on the emulator, on exactly as much memory as they may touch. Sums must be those over rounded inputs in
// order, bit for bit.
func TestPairsByEmulation(t *testing.T) {
	r := rand.New(rand.NewPCG(67, 68))
	constants := readOnly(t)
	lists := disassemble(t, "Pairs")
	for shape, size := range map[string][2]int{"12x2": {12, 2}, "4x2": {4, 2}, "2x4": {2, 4}, "1x4": {1, 4}} {
		t.Run(shape, func(t *testing.T) {
			list := lists["tile"+shape+"Pairs"]
			if list == nil {
				t.Fatal("not in the test program")
			}
			products := 0
			for _, in := range list {
				if in.name == "vdpbf16ps" {
					products++
				}
			}
			if want := 2 * size[0] * size[1]; products != want { // in the loop, and behind it
				t.Errorf("%d instructions VDPBF16PS, want %d", products, want)
			}
			for _, k := range []int{1, 2, 3, 5, 8} {
				for _, add := range []string{"", "bias", "rows"} {
					c := newTileCall(r, size[0], size[1], k, add)
					kernel.RoundRow(c.a)
					sameBits(t, fmt.Sprintf("k=%d add=%q", k, add), c.emulatePairs(list, constants), c.expect(true))
				}
			}
		})
	}
	// The loop of the ceiling: twelve such instructions a turn, over registers of zeros, each into one of its own.
	m, sums := newMachine(), map[string]bool{}
	for _, in := range lists["ceilingPairs"] {
		if in.name == "vdpbf16ps" {
			sums[in.operands[0]] = true
		}
	}
	m.memory = []region{{m.general["rsp"], binary.LittleEndian.AppendUint64(make([]byte, 8), 3)}}
	m.run(lists["ceilingPairs"])
	for i := range 14 {
		if m.vector[i] != [16]uint32{} || len(sums) != 12 {
			t.Errorf("the loop of the ceiling has %d sums and leaves %v in register %d", len(sums), m.vector[i], i)
		}
	}
}

// emulatePairs runs the call over pairs of inputs and returns dst as it is afterwards.
func (c tileCall) emulatePairs(list []instruction, constants region) []float32 {
	const dstAt, aAt, bAt, addAt = 0x10000, 0x20004, 0x30000, 0x80000
	m, dst := newMachine(), floatBytes(c.dst)
	stride := (c.k+1)/2 + 1
	var inputs, weights []byte
	for row := range c.rows {
		pairs := pairsOf(c.a[row*c.lda : row*c.lda+c.k])
		if row < c.rows-1 {
			pairs = append(pairs, 0x7fc07fc0) // NaNs between rows
		}
		for _, p := range pairs {
			inputs = binary.LittleEndian.AppendUint32(inputs, p)
		}
	}
	for _, v := range c.half {
		weights = binary.LittleEndian.AppendUint16(weights, v)
	}
	add := uint64(0)
	if c.add != nil {
		add = addAt
	}
	stack := make([]byte, 8) // the return address
	for _, v := range []uint64{dstAt, uint64(c.ldd), aAt, uint64(stride), bAt, uint64(c.k * kernel.PanelWidth), uint64(c.k), add, uint64(c.ldadd)} {
		stack = binary.LittleEndian.AppendUint64(stack, v)
	}
	m.memory = []region{{dstAt, dst}, {aAt, inputs}, {bAt, weights}, {addAt, floatBytes(c.add)}, {m.general["rsp"], stack}, constants}
	m.run(list)
	out := make([]float32, len(c.dst))
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(dst[4*i:]))
	}
	return out
}
