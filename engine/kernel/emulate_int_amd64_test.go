//go:build amd64 && !purego && linux

package kernel_test

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"palimpsest.dev/engine/kernel"
)

// bytesOf is the first n bytes of a vector operand.
func (m *machine) bytesOf(op string, n int) []byte {
	if a, ok := m.address(op); ok {
		return slices.Clone(m.at(a, n))
	}
	number, _ := register(op)
	var b []byte
	for _, v := range m.vector[number] {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b[:n]
}

// words and doubles turn bytes into signed numbers of 16 and 32 bits.
func words(b []byte) (w []int16) {
	for i := 0; i+2 <= len(b); i += 2 {
		w = append(w, int16(binary.LittleEndian.Uint16(b[i:])))
	}
	return w
}

func doubles(b []byte) (d []int32) {
	for i := 0; i+4 <= len(b); i += 4 {
		d = append(d, int32(binary.LittleEndian.Uint32(b[i:])))
	}
	return d
}

// clip bounds v to 16 bits, as saturating instructions do.
func clip(v int32) int16 { return int16(min(max(v, -1<<15), 1<<15-1)) }

// wholeStep runs one instruction over whole numbers and returns its result: n is the register it goes to, lanes its width.
func (m *machine) wholeStep(name string, o []string, n, lanes int) (result [16]uint32) {
	size := 4 * lanes
	out := make([]byte, size)
	word := func(i int, v int16) { binary.LittleEndian.PutUint16(out[2*i:], uint16(v)) }
	double := func(i int, v int32) { binary.LittleEndian.PutUint32(out[4*i:], uint32(v)) }
	last := o[len(o)-1]
	switch name {
	case "vmovdqu", "vmovdqu32", "vmovdqa", "vmovdqa32":
		copy(out, m.bytesOf(last, size))
	case "vpxor", "vpand", "vpandd":
		a, b := m.bytesOf(o[1], size), m.bytesOf(o[2], size)
		for i := range out {
			if out[i] = a[i] & b[i]; name == "vpxor" {
				out[i] = a[i] ^ b[i]
			}
		}
	case "vpbroadcastd", "vpbroadcastq":
		width := map[string]int{"vpbroadcastd": 4, "vpbroadcastq": 8}[name]
		for i, v := 0, m.bytesOf(last, width); i < size; i += width {
			copy(out[i:], v)
		}
	case "vpmovzxbw":
		for i, v := range m.bytesOf(last, size/2) {
			word(i, int16(v))
		}
	case "vpmovsxbd":
		for i, v := range m.bytesOf(last, size/4) {
			double(i, int32(int8(v)))
		}
	case "vpsrlw", "vpsrld":
		count := m.value(o[2])
		for i, v := range words(m.bytesOf(o[1], size)) {
			if name == "vpsrlw" {
				word(i, int16(uint16(v)>>count))
			}
		}
		for i, v := range doubles(m.bytesOf(o[1], size)) {
			if name == "vpsrld" {
				double(i, int32(uint32(v)>>count))
			}
		}
	case "vpmaddubsw": // unsigned by signed bytes, pairs added up and clipped
		a, b := m.bytesOf(o[1], size), m.bytesOf(o[2], size)
		for i := range size / 2 {
			word(i, clip(int32(a[2*i])*int32(int8(b[2*i]))+int32(a[2*i+1])*int32(int8(b[2*i+1]))))
		}
	case "vpmaddwd":
		a, b := words(m.bytesOf(o[1], size)), words(m.bytesOf(o[2], size))
		for i := range lanes {
			double(i, int32(a[2*i])*int32(b[2*i])+int32(a[2*i+1])*int32(b[2*i+1]))
		}
	case "vpdpbusd": // unsigned by signed bytes, four added to what stands in the destination
		a, b := m.bytesOf(o[1], size), m.bytesOf(o[2], size)
		for i := range lanes {
			sum := int32(m.vector[n][i])
			for j := 4 * i; j < 4*i+4; j++ {
				sum += int32(a[j]) * int32(int8(b[j]))
			}
			double(i, sum)
		}
	case "vpaddw":
		a, b := words(m.bytesOf(o[1], size)), words(m.bytesOf(o[2], size))
		for i := range a {
			word(i, a[i]+b[i])
		}
	case "vpaddd", "vpmulld":
		a, b := doubles(m.bytesOf(o[1], size)), doubles(m.bytesOf(o[2], size))
		for i := range a {
			if double(i, a[i]+b[i]); name == "vpmulld" {
				double(i, a[i]*b[i])
			}
		}
	case "vphaddd": // within each 128 bits: pairs of the first operand, then of the second
		a, b := doubles(m.bytesOf(o[1], size)), doubles(m.bytesOf(o[2], size))
		for i := 0; i < lanes; i += 4 {
			double(i, a[i]+a[i+1])
			double(i+1, a[i+2]+a[i+3])
			double(i+2, b[i]+b[i+1])
			double(i+3, b[i+2]+b[i+3])
		}
	case "vpermq":
		v, order := m.bytesOf(o[1], size), m.value(o[2])
		for i := range 4 {
			copy(out[8*i:8*i+8], v[order>>(2*i)&3*8:])
		}
	case "vpermw": // words of the last operand, as those of the one before say
		v := words(m.bytesOf(o[2], size))
		for i, from := range words(m.bytesOf(o[1], size)) {
			word(i, v[int(from)%len(v)])
		}
	case "vpblendw":
		a, b, which := words(m.bytesOf(o[1], size)), words(m.bytesOf(o[2], size)), m.value(o[3])
		for i := range a {
			if word(i, a[i]); which>>(i%8)&1 == 1 {
				word(i, b[i])
			}
		}
	default:
		panic("the emulator does not know " + name)
	}
	for i, v := range doubles(out) {
		result[i] = uint32(v)
	}
	return result
}

// wholeCall is one call of a micro-kernel over whole numbers.
type wholeCall struct {
	rows, cols, k int // k is a multiple of 32
	int4, wide    bool
	more          bool
	ldacc, lda    int
	acc           []int32
	inputs        []int8 // [rows, lda]
	codes         []byte // of cols/16 panels, or of half a one
	steps         []int8
	starts        []int16
}

func newWholeCall(r *rand.Rand, rows, cols, k int, int4, wide, more bool) *wholeCall {
	panels := (cols + 15) / 16
	c := &wholeCall{rows: rows, cols: cols, k: k, int4: int4, wide: wide, more: more, ldacc: cols + 3, lda: k + 32}
	c.acc = make([]int32, (rows-1)*c.ldacc+cols)
	for i := range c.acc {
		c.acc[i] = int32(r.IntN(2000) - 1000)
	}
	c.inputs = make([]int8, (rows-1)*c.lda+k)
	for i := range c.inputs {
		c.inputs[i] = int8(r.IntN(255) - 127)
	}
	c.codes = make([]byte, panels*16*k)
	if int4 {
		c.codes, c.steps = c.codes[:panels*16*k/2], make([]int8, panels*16*k/32)
		for i := range c.steps {
			c.steps[i] = int8(r.IntN(31) - 15)
		}
		c.starts = make([]int16, rows*k/32*2)
		for i := range c.starts { // any start will do
			c.starts[i] = int16(r.IntN(2000) - 1000)
		}
	}
	for i := range c.codes {
		c.codes[i] = byte(r.IntN(256))
	}
	return c
}

// expect is what the call must leave in acc.
func (c *wholeCall) expect() []int32 {
	out := slices.Clone(c.acc)
	for row := range c.rows {
		for col := range c.cols {
			panel, j, sum := col/16, col%16, int32(0)
			for k := range c.k {
				in := int32(c.inputs[row*c.lda+k])
				if !c.int4 {
					sum += in * int32(c.codes[panel*16*c.k+k/4*64+j*4+k%4])
					continue
				}
				step := int32(c.steps[(panel*c.k/32+k/32)*16+j])
				if k%32 == 0 {
					at := (row*c.k/32 + k/32) * 2
					sum += step * (int32(c.starts[at]) + int32(c.starts[at+1]))
				}
				sum += step * in * int32(c.codes[panel*8*c.k+k/8*64+j*4+k%4]>>(k%8/4*4)&15)
			}
			if c.more {
				sum += out[row*c.ldacc+col]
			}
			out[row*c.ldacc+col] = sum
		}
	}
	return out
}

// emulate runs the call on exactly as much memory as it may touch, and returns acc.
func (c *wholeCall) emulate(list []instruction, constants region) []int32 {
	const accAt, aAt, bAt, stepsAt, startsAt = 0x10000, 0x20004, 0x30000, 0x80000, 0x90002
	m := newMachine()
	var acc, inputs, starts, steps []byte
	for _, v := range c.acc {
		acc = binary.LittleEndian.AppendUint32(acc, uint32(v))
	}
	for _, v := range c.inputs {
		if inputs = append(inputs, byte(v)); c.wide {
			inputs = binary.LittleEndian.AppendUint16(inputs[:len(inputs)-1], uint16(int16(v)))
		}
	}
	for _, v := range c.starts {
		starts = binary.LittleEndian.AppendUint16(starts, uint16(v))
	}
	for _, v := range c.steps {
		steps = append(steps, byte(v))
	}
	more := uint64(0)
	if c.more {
		more = 1
	}
	arguments := []uint64{accAt, uint64(c.ldacc), aAt, uint64(c.lda), bAt, uint64(16 * c.k), uint64(c.k / 4), more}
	if c.int4 {
		arguments = []uint64{accAt, uint64(c.ldacc), aAt, uint64(c.lda), startsAt, uint64(c.k / 32 * 2), bAt, uint64(8 * c.k), stepsAt, uint64(c.k / 2), uint64(c.k / 32), more}
	}
	stack := make([]byte, 8)
	for _, v := range arguments {
		stack = binary.LittleEndian.AppendUint64(stack, v)
	}
	m.memory = []region{{accAt, acc}, {aAt, inputs}, {bAt, c.codes}, {stepsAt, steps}, {startsAt, starts}, {m.general["rsp"], stack}, constants}
	m.run(list)
	return doubles(acc)
}

// readOnly is the test program's read-only data: the kernels' constants.
func readOnly(t *testing.T) region {
	s, data := section(t, testProgram(t), ".rodata")
	return region{s.Addr, data}
}

// TestWholeNumbersByEmulation takes the micro-kernels over int8 and int4 apart and runs them on the emulator: those that
// this processor cannot run, and those that it can and that other tests hold to the reference, so that the emulator is
// held to it too.
func TestWholeNumbersByEmulation(t *testing.T) {
	r := rand.New(rand.NewPCG(51, 52))
	constants := readOnly(t)
	for suffix, shapes := range map[string]map[string][2]int{
		"AVX2": {"6x8Int8": {6, 8}, "1x32Int8": {1, 32}, "1x64Int8": {1, 64}, "6x8Int4": {6, 8}, "1x32Int4": {1, 32}, "1x64Int4": {1, 64}},
		"VNNI": {"12x32Int8": {12, 32}, "4x32Int8": {4, 32}, "1x32Int8": {1, 32}, "4x32Int4": {4, 32}, "1x32Int4": {1, 32}},
	} {
		lists := disassemble(t, suffix)
		for shape, size := range shapes {
			name := "tile" + shape + suffix
			t.Run(name, func(t *testing.T) {
				list := lists[name]
				if list == nil {
					t.Fatalf("%s is not in the test program", name)
				}
				int4 := strings.Contains(name, "Int4")
				for _, k := range []int{32, 96} {
					for _, more := range []bool{false, true} {
						c := newWholeCall(r, size[0], size[1], k, int4, suffix == "AVX2" && !int4, more)
						got, want := c.emulate(list, constants), c.expect()
						if !slices.Equal(got, want) {
							t.Fatalf("%s: k=%d more=%v:\ngot  %v\nwant %v", name, k, more, got, want)
						}
					}
				}
			})
		}
	}
	if kernel.PanelWidth != 16 {
		t.Errorf("the layouts above are for panels of 16, they have %d", kernel.PanelWidth)
	}
}
