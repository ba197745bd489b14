package pool

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestEveryIterationRunsOnce(t *testing.T) {
	t.Parallel()
	for _, threads := range []int{1, 2, 3, 8} {
		p := New(threads)
		for _, n := range []int{0, 1, 2, 7, 100, 1000} {
			counts := make([]atomic.Int32, n)
			p.Run(n, func(i int) { counts[i].Add(1) })
			for i := range counts {
				if c := counts[i].Load(); c != 1 {
					t.Fatalf("%d threads: iteration %d of %d ran %d times", threads, i, n, c)
				}
			}
		}
		p.Close()
		p.Close() // a second Close is harmless
	}
}

func TestNilPoolRunsOnCaller(t *testing.T) {
	t.Parallel()
	var p *Pool
	sum := 0
	p.Run(5, func(i int) { sum += i })
	if sum != 10 || p.Threads() != 1 {
		t.Fatalf("sum %d, threads %d", sum, p.Threads())
	}
	p.Close()
}

func TestManyCallersShareOnePool(t *testing.T) {
	t.Parallel()
	p := New(3)
	defer p.Close()
	var total atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				p.Run(5, func(int) { total.Add(1) })
			}
		})
	}
	wg.Wait()
	if got := total.Load(); got != 8*200*5 {
		t.Fatalf("%d iterations ran, want %d", got, 8*200*5)
	}
}

func TestPanicReachesCallerAndPoolSurvives(t *testing.T) {
	t.Parallel()
	p := New(4)
	defer p.Close()
	for range 50 {
		func() {
			defer func() {
				if r := recover(); r != "bad row" {
					t.Fatalf("recovered %v", r)
				}
			}()
			p.Run(20, func(i int) {
				if i == 13 {
					panic("bad row")
				}
			})
			t.Fatal("no panic arrived")
		}()
	}
	n := atomic.Int32{}
	p.Run(10, func(int) { n.Add(1) })
	if n.Load() != 10 {
		t.Fatalf("after the panics %d iterations ran", n.Load())
	}
}

func BenchmarkRun(b *testing.B) {
	p := New(2)
	defer p.Close()
	for b.Loop() {
		p.Run(2, func(int) {})
	}
}
