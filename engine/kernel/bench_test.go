//go:build linux

package kernel_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"palimpsest.dev/engine/kernel"
)

// cpuTime is the processor time this thread has used: on a busy machine the clock on the wall
// says little about a kernel.
func cpuTime() time.Duration {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// measure runs f on one thread and reports work (in units of 1e9) per second of processor time.
func measure(b *testing.B, work float64, unit string, f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	f()
	start := cpuTime()
	for b.Loop() {
		f()
	}
	if spent := cpuTime() - start; spent > 0 {
		b.ReportMetric(work*float64(b.N)/spent.Seconds()/1e9, unit)
	}
}

// BenchmarkMatMul: widths of the default model first, then those of PaliGemma 2 3B.
func BenchmarkMatMul(b *testing.B) {
	for _, s := range []struct{ rows, n, k int }{
		{1, 192, 192}, {1, 512, 192}, {4, 192, 192}, {8, 512, 192}, {256, 192, 192}, {256, 512, 192}, {256, 192, 768},
		{1, 9216, 2304}, {260, 9216, 2304}, {260, 2304, 9216}, {1028, 2304, 2304},
	} {
		w := make([]float32, s.n*s.k)
		for i := range w {
			w[i] = float32(i%5) - 2
		}
		for _, f := range kernel.Formats() {
			m, err := kernel.Pack(f, w, s.n, s.k)
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%dx%dx%d/%s/%s", s.rows, s.n, s.k, f, kernel.Name()), func(b *testing.B) {
				a, dst := make([]float32, s.rows*s.k), make([]float32, s.rows*s.n)
				for i := range a {
					a[i] = float32(i%7) - 3
				}
				measure(b, 2*float64(s.rows*s.n*s.k), "GFLOP/s", func() { kernel.MatMul(nil, dst, s.n, a, s.k, s.rows, m, nil) })
			})
		}
	}
}

func BenchmarkAttend(b *testing.B) {
	for _, s := range []struct {
		name                            string
		rows, heads, kvHeads, dim, keys int
		softCap                         float32
	}{
		{"mini-vision", 256, 2, 2, 64, 256, 0}, {"mini-prefill", 260, 3, 1, 64, 260, 50}, {"mini-decode", 1, 3, 1, 64, 400, 50},
		{"siglip-448", 1024, 16, 16, 72, 1024, 0}, {"3b-prefill-1028", 1028, 8, 4, 256, 1028, 50}, {"3b-decode-1028", 1, 8, 4, 256, 1028, 50},
	} {
		b.Run(s.name+"/"+kernel.Name(), func(b *testing.B) {
			q := make([]float32, s.rows*s.heads*s.dim)
			k := make([]float32, s.keys*s.dim)
			for i := range q {
				q[i] = float32(i%7)/4 - 1
			}
			for i := range k {
				k[i] = float32(i%11)/8 - 1
			}
			var kv []*kernel.KV
			for range s.kvHeads {
				h := kernel.NewKV(s.dim)
				h.Append(k, s.dim, k, s.dim, s.keys)
				kv = append(kv, h)
			}
			dst := make([]float32, len(q))
			a := kernel.Attention{Dst: dst, LdDst: s.heads * s.dim, Q: q, LdQ: s.heads * s.dim, Rows: s.rows, Heads: s.heads, Dim: s.dim, KV: kv, Scale: 0.1, SoftCap: s.softCap}
			measure(b, 4*float64(s.rows*s.heads*s.dim*s.keys), "GFLOP/s", func() { kernel.Attend(nil, a) })
		})
	}
}

func BenchmarkFunctions(b *testing.B) {
	x, y := make([]float32, 2304), make([]float32, 2304)
	for name, f := range map[string]func(){
		"Exp": func() { kernel.Exp(x) }, "Tanh": func() { kernel.Tanh(x) }, "GeluTanh": func() { kernel.GeluTanh(x) },
		"Softmax": func() { kernel.Softmax(x) }, "RMSNorm": func() { kernel.RMSNorm(x, x, y, 1e-6) },
		"LayerNorm": func() { kernel.LayerNorm(x, x, y, y, 1e-6) }, "Dot": func() { kernel.Dot(x, y) }, "Axpy": func() { kernel.Axpy(1, x, y) },
	} {
		b.Run(name+"/"+kernel.Name(), func(b *testing.B) { measure(b, float64(len(x)), "Gelem/s", f) })
	}
}

// BenchmarkCeilings is what the kernels' rates are shares of.
func BenchmarkCeilings(b *testing.B) {
	for name, one := range kernel.CeilingLoops() {
		b.Run(name+"/"+kernel.Name(), func(b *testing.B) {
			const turns = 1 << 20
			measure(b, one(turns), "Gop/s", func() { one(turns) })
		})
	}
	memory := make([]byte, 256<<20)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	b.Run("read/"+kernel.Name(), func(b *testing.B) {
		measure(b, float64(len(memory)), "GB/s", func() { kernel.ReadStreams(memory, len(memory)/8, len(memory)/8) })
	})
}
