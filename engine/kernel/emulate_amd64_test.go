//go:build amd64 && !purego && linux

package kernel_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/kernel/kerneltest"
)

// machine runs the few instructions that the micro-kernels are made of, as Intel's manual words
// them. It lets a processor without AVX-512 check the AVX-512 code; that it runs the AVX2 code bit
// for bit like the processor is what it is itself checked by.
type machine struct {
	general map[string]uint64
	zero    bool
	vector  [32][16]uint32
	memory  []region
}

// newMachine is a machine with garbage in all registers.
func newMachine() *machine {
	m := &machine{general: map[string]uint64{"rsp": 0xf0000}}
	for _, r := range []string{"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r10d"} {
		m.general[r] = 0xdeadbeef
	}
	for i := range m.vector {
		for j := range m.vector[i] {
			m.vector[i][j] = 0x7fc00000 // NaN
		}
	}
	return m
}

// region is one piece of memory; whatever lies between regions may not be touched.
type region struct {
	base uint64
	data []byte
}

// at returns n bytes of memory.
func (m *machine) at(address uint64, n int) []byte {
	for _, r := range m.memory {
		if address >= r.base && address+uint64(n) <= r.base+uint64(len(r.data)) {
			return r.data[address-r.base:][:n]
		}
	}
	panic(fmt.Sprintf("reads or writes %d bytes at %#x, where nothing is", n, address))
}

var memoryOperand = regexp.MustCompile(`^(?:(?:BYTE|DWORD|QWORD|[XYZ]MMWORD) (?:PTR|BCST) )?\[(\w+)(?:\+(\w+)\*(\d))?(?:([+-])0x([0-9a-f]+))?\]$`)

// address computes a memory operand's; ok tells whether it is one.
func (m *machine) address(op string) (address uint64, ok bool) {
	f := memoryOperand.FindStringSubmatch(op)
	if f == nil {
		return 0, false
	}
	address = m.general[f[1]]
	if f[2] != "" {
		address += m.general[f[2]] * uint64(number(f[3], 10))
	}
	if f[5] != "" {
		offset := number(f[5], 16)
		if f[4] == "-" {
			offset = -offset
		}
		address += uint64(offset)
	}
	return address, true
}

func number(s string, base int) int64 {
	v, err := strconv.ParseInt(s, base, 64)
	if err != nil {
		panic(err)
	}
	return v
}

// value is a general operand: register, memory or number.
func (m *machine) value(op string) uint64 {
	if a, ok := m.address(op); ok {
		return binary.LittleEndian.Uint64(m.at(a, 8))
	}
	if hex, ok := strings.CutPrefix(op, "0x"); ok {
		return uint64(number(hex, 16))
	}
	if v, err := strconv.ParseInt(op, 10, 64); err == nil {
		return uint64(v)
	}
	if _, ok := m.general[op]; !ok {
		panic("unknown operand " + op)
	}
	return m.general[op]
}

// register is a vector register's number and its lanes of 32 bits.
func register(op string) (n, lanes int) {
	lanes = map[byte]int{'x': 4, 'y': 8, 'z': 16}[op[0]]
	if lanes == 0 || op[1:3] != "mm" {
		panic("not a vector register: " + op)
	}
	return int(number(op[3:], 10)), lanes
}

// source reads the lanes of a vector operand.
func (m *machine) source(op string, lanes int) (v [16]uint32) {
	if a, ok := m.address(op); ok {
		for i, data := 0, m.at(a, 4*lanes); i < lanes; i++ {
			v[i] = binary.LittleEndian.Uint32(data[4*i:])
		}
		return v
	}
	n, have := register(op)
	if have < lanes {
		panic("narrow operand " + op)
	}
	return m.vector[n]
}

// step runs one instruction and returns where to go, 0 for on to the next.
func (m *machine) step(in instruction) uint64 {
	o := in.operands
	switch in.name {
	case "mov":
		m.general[o[0]] = m.value(o[1])
	case "lea":
		m.general[o[0]], _ = m.address(o[1])
	case "shl":
		count := uint64(1)
		if len(o) > 1 {
			count = m.value(o[1])
		}
		m.general[o[0]] <<= count
	case "shr":
		count := uint64(1)
		if len(o) > 1 {
			count = m.value(o[1])
		}
		m.general[o[0]] >>= count
		m.zero = m.general[o[0]] == 0
	case "add":
		m.general[o[0]] += m.value(o[1])
	case "sub":
		m.general[o[0]] -= m.value(o[1])
	case "movzx":
		a, _ := m.address(o[1])
		m.general[o[0]] = uint64(m.at(a, 1)[0])
	case "xchg":
		m.general[o[0]], m.general[o[1]] = m.general[o[1]], m.general[o[0]]
	case "inc":
		m.general[o[0]]++
		m.zero = m.general[o[0]] == 0
	case "dec":
		m.general[o[0]]--
		m.zero = m.general[o[0]] == 0
	case "test":
		m.zero = m.value(o[0])&m.value(o[1]) == 0
	case "prefetcht0": // may be anywhere
	case "je":
		if m.zero {
			return m.value(o[0])
		}
	case "jne":
		if !m.zero {
			return m.value(o[0])
		}
	default:
		m.vectorStep(in.name, o)
	}
	return 0
}

// vectorStep runs one vector instruction.
func (m *machine) vectorStep(name string, o []string) {
	if name == "vmovups" || name == "vmovdqu" || name == "vmovdqu32" {
		if a, ok := m.address(o[0]); ok {
			n, lanes := register(o[1])
			for i, data := 0, m.at(a, 4*lanes); i < lanes; i++ {
				binary.LittleEndian.PutUint32(data[4*i:], m.vector[n][i])
			}
			return
		}
	}
	if name == "vzeroupper" {
		for i := range 16 {
			clear(m.vector[i][4:])
		}
		return
	}
	n, lanes := register(o[0])
	var result [16]uint32 // what lies above the operand's lanes becomes zero
	switch name {
	case "vmovups":
		result = m.source(o[1], lanes)
	case "vbroadcastss":
		v := m.source(o[1], 1)[0]
		for i := range lanes {
			result[i] = v
		}
	case "vpmovzxwd":
		words := m.source(o[1], lanes/2)
		for i := range lanes {
			result[i] = words[i/2] >> (16 * (i % 2)) & 0xffff
		}
	case "vpslld":
		v, count := m.source(o[1], lanes), m.value(o[2])
		for i := range lanes {
			result[i] = v[i] << count
		}
	case "vxorps", "vpxord":
		a, b := m.source(o[1], lanes), m.source(o[2], lanes)
		for i := range lanes {
			result[i] = a[i] ^ b[i]
		}
	case "vaddps":
		a, b := m.source(o[1], lanes), m.source(o[2], lanes)
		for i := range lanes {
			result[i] = math.Float32bits(math.Float32frombits(a[i]) + math.Float32frombits(b[i]))
		}
	case "vfmadd231ps":
		a, b := m.source(o[1], lanes), m.source(o[2], lanes)
		for i := range lanes {
			result[i] = math.Float32bits(fma32(math.Float32frombits(a[i]), math.Float32frombits(b[i]), math.Float32frombits(m.vector[n][i])))
		}
	case "vdpbf16ps":
		// The manual's order: the upper pair of each 32 bits first, every sum rounded once; what is smaller than 2^-126 counts as
		// zero before and after.
		a, b := m.source(o[1], lanes), m.source(o[2], lanes)
		for i := range lanes {
			sum := flush(m.vector[n][i])
			for _, shift := range []int{16, 0} {
				x, y := flush(a[i]>>shift<<16), flush(b[i]>>shift<<16)
				sum = flush(math.Float32bits(fma32(math.Float32frombits(x), math.Float32frombits(y), math.Float32frombits(sum))))
			}
			result[i] = sum
		}
	default:
		result = m.wholeStep(name, o, n, lanes)
	}
	m.vector[n] = result
}

// flush makes numbers smaller than 2^-126 zeros of their sign.
func flush(bits uint32) uint32 {
	if bits&0x7f800000 == 0 {
		return bits & 0x80000000
	}
	return bits
}

// fma32 is a*b+c rounded once. The product of two float32 is exact in float64; the sum is rounded
// to odd there, so that rounding it to float32 afterwards is right.
func fma32(a, b, c float32) float32 {
	p, d := float64(a)*float64(b), float64(c)
	s := p + d
	z := s - p
	lost := (p - (s - z)) + (d - z)
	if bits := math.Float64bits(s); lost != 0 && bits&1 == 0 {
		if (lost > 0) == (s > 0) {
			bits++
		} else {
			bits--
		}
		s = math.Float64frombits(bits)
	}
	return float32(s)
}

// run executes a function from its first instruction to ret.
func (m *machine) run(list []instruction) {
	places := map[uint64]int{}
	for i, in := range list {
		places[in.at] = i
	}
	for i, steps := 0, 0; ; steps++ {
		if list[i].name == "ret" {
			return
		}
		if steps > 1_000_000 {
			panic("does not end")
		}
		m.general["rip"] = list[i+1].at
		if to := m.step(list[i]); to != 0 {
			next, ok := places[to]
			if !ok {
				panic(fmt.Sprintf("jumps to %#x, which is no instruction", to))
			}
			i = next
			continue
		}
		i++
	}
}

// tileCall is one call of a micro-kernel with its operands.
type tileCall struct {
	rows, panels, k int
	ldd, lda, ldadd int
	dst, a, b, add  []float32
	half            []uint16 // b as bfloat16
}

// emulate runs the call and returns dst as it is afterwards.
func (c tileCall) emulate(list []instruction, bf16 bool) []float32 {
	const dstAt, aAt, bAt, addAt = 0x10000, 0x20004, 0x30000, 0x80000
	dst := floatBytes(c.dst)
	m := newMachine()
	weights := floatBytes(c.b)
	if bf16 {
		weights = nil
		for _, v := range c.half {
			weights = binary.LittleEndian.AppendUint16(weights, v)
		}
	}
	add := uint64(0)
	if c.add != nil {
		add = addAt
	}
	stack := make([]byte, 8) // the return address
	for _, v := range []uint64{dstAt, uint64(c.ldd), aAt, uint64(c.lda), bAt, uint64(c.k * kernel.PanelWidth), uint64(c.k), add, uint64(c.ldadd)} {
		stack = binary.LittleEndian.AppendUint64(stack, v)
	}
	m.memory = []region{{dstAt, dst}, {aAt, floatBytes(c.a)}, {bAt, weights}, {addAt, floatBytes(c.add)}, {m.general["rsp"], stack}}
	m.run(list)
	out := make([]float32, len(c.dst))
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32(dst[4*i:]))
	}
	return out
}

func floatBytes(x []float32) []byte {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// expect is what the call must leave in dst, bit for bit: every sum runs over k from 0 upwards,
// one rounding a step, and what is to be added comes last.
func (c tileCall) expect(bf16 bool) []float32 {
	const w = kernel.PanelWidth
	out := slices.Clone(c.dst)
	for row := range c.rows {
		for col := range c.panels * w {
			var sum float32
			for i := range c.k {
				at := (col/w*c.k+i)*w + col%w
				weight := c.b[at]
				if bf16 {
					weight = kernel.BFloat16(c.half[at])
				}
				sum = fma32(c.a[row*c.lda+i], weight, sum)
			}
			if c.add != nil {
				sum += c.add[row*c.ldadd+col]
			}
			out[row*c.ldd+col] = sum
		}
	}
	return out
}

func newTileCall(r *rand.Rand, rows, panels, k int, add string) tileCall {
	cols := panels * kernel.PanelWidth
	c := tileCall{rows: rows, panels: panels, k: k, ldd: cols + 3, lda: k + 2}
	c.dst = fill(r, make([]float32, (rows-1)*c.ldd+cols), 1)
	c.a = fill(r, make([]float32, (rows-1)*c.lda+k), 1)
	c.b = fill(r, make([]float32, cols*k), 1)
	for _, v := range c.b {
		c.half = append(c.half, kernel.RoundBFloat16(v))
	}
	switch add {
	case "bias":
		c.add = fill(r, make([]float32, cols), 1)
	case "rows":
		c.ldadd = cols + 1
		c.add = fill(r, make([]float32, (rows-1)*c.ldadd+cols), 1)
	}
	return c
}

// TestAssemblyByEmulation takes every micro-kernel of this program apart and runs it on the
// emulator, on exactly as much memory as it may touch.
func TestAssemblyByEmulation(t *testing.T) {
	for _, set := range []struct {
		suffix string
		shapes map[string][2]int
	}{
		{"AVX2", map[string][2]int{"6x1": {6, 1}, "4x1": {4, 1}, "3x2": {3, 2}, "2x2": {2, 2}, "1x4": {1, 4}}},
		{"AVX512", map[string][2]int{"12x2": {12, 2}, "4x2": {4, 2}, "2x4": {2, 4}, "1x4": {1, 4}}},
	} {
		r := rand.New(rand.NewPCG(41, 42))
		lists := disassemble(t, set.suffix)
		for shape, size := range set.shapes {
			for _, kind := range []string{"F32", "BF16"} {
				name := "tile" + shape + kind + set.suffix
				t.Run(name, func(t *testing.T) {
					list := lists[name]
					if list == nil {
						t.Fatalf("%s is not in the test program", name)
					}
					for _, k := range []int{1, 2, 5} {
						for _, add := range []string{"", "bias", "rows"} {
							c := newTileCall(r, size[0], size[1], k, add)
							sameBits(t, fmt.Sprintf("k=%d add=%q", k, add), c.emulate(list, kind == "BF16"), c.expect(kind == "BF16"))
						}
					}
				})
			}
		}
	}
}

// TestEmulatorLikeProcessor: what this processor runs, it runs bit for bit as the emulator does.
func TestEmulatorLikeProcessor(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	kerneltest.Each(t, func(t *testing.T) {
		if kernel.Name() == "go" {
			t.Skip("no assembly in it")
		}
		for _, tile := range kernel.Tiles() {
			for _, k := range []int{1, 7, 64} {
				c := newTileCall(r, tile.Rows, tile.Panels, k, "rows")
				got := slices.Clone(c.dst)
				tile.F32(&got[0], c.ldd, &c.a[0], c.lda, &c.b[0], k*kernel.PanelWidth, k, &c.add[0], c.ldadd)
				sameBits(t, fmt.Sprintf("%dx%d F32 k=%d", tile.Rows, tile.Panels, k), got, c.expect(false))
				copy(got, c.dst)
				tile.BF16(&got[0], c.ldd, &c.a[0], c.lda, &c.half[0], k*kernel.PanelWidth, k, &c.add[0], c.ldadd)
				sameBits(t, fmt.Sprintf("%dx%d BF16 k=%d", tile.Rows, tile.Panels, k), got, c.expect(true))
			}
		}
	})
}

func sameBits(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: element %d is %v (%#x), want %v (%#x)", what, i, got[i], math.Float32bits(got[i]), want[i], math.Float32bits(want[i]))
		}
	}
}
