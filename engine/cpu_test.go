package engine

import (
	"syscall"
	"testing"
	"time"
)

// processorTime is what this process has used of all cores: on a machine shared with others a steadier
// measure than the clock.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// perOperation runs the loop of a benchmark and reports the processor time of one pass without its
// preparation, which may be nil.
func perOperation(b *testing.B, prepare, pass func()) {
	if prepare == nil {
		prepare = func() {}
	}
	prepare()
	pass() // buffers grow
	spent, n := time.Duration(0), 0
	for b.Loop() {
		prepare()
		before := processorTime()
		pass()
		spent += processorTime() - before
		n++
	}
	b.ReportMetric(float64(spent.Microseconds())/float64(n), "cpu-µs/op")
}
