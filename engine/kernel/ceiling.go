package kernel

import (
	"slices"
	"time"
)

// Ceilings is what the machine can do at most with the instructions of the implementation in use, on the threads that
// were asked: multiplications and additions a second, counted as two, and bytes a second from memory. A kind of
// arithmetic without instructions of its own is 0.
type Ceilings struct {
	Float32 float64 // over float32, bf16 and sfp weights
	Half    float64 // of bfloat16 by bfloat16
	Int8    float64
	Int4    float64
	Read    float64
}

// loops are the loops of one implementation. Each runs its instructions twelve times n, over registers.
type loops struct {
	float, half, int8, int4             func(n int)
	floatOps, halfOps, int8Ops, int4Ops float64 // of one instruction of the loop, or one and the addition that goes with it
}

const (
	ceilingTime    = 60 * time.Millisecond // one measurement
	ceilingRepeats = 5                     // of which the median counts
	ceilingMemory  = 256 << 20             // bytes read in one pass: more than any cache holds
	ceilingStreams = 8
)

// MeasureCeilings measures on threads threads of run, in about a second. Other work on the machine lowers it as it
// lowers everything measured beside it.
func MeasureCeilings(run Runner, threads int) Ceilings {
	c := Ceilings{}
	if l := active.ceilings; l != nil {
		rate := func(one func(n int), ops float64) float64 {
			if one == nil {
				return 0
			}
			return measureLoop(run, threads, one, 12*ops)
		}
		c.Float32, c.Half, c.Int8, c.Int4 = rate(l.float, l.floatOps), rate(l.half, l.halfOps), rate(l.int8, l.int8Ops), rate(l.int4, l.int4Ops)
	}
	c.Read = measureRead(run, threads)
	return c
}

// measureLoop is the median of units a second, unit being done in one turn of the loop.
func measureLoop(run Runner, threads int, one func(n int), unit float64) float64 {
	n := 1000
	timed := func() time.Duration {
		start := time.Now()
		run.Run(threads, func(int) { one(n) })
		return time.Since(start)
	}
	for timed() < ceilingTime && n < 1<<32 {
		n *= 2
	}
	var rates []float64
	for range ceilingRepeats {
		rates = append(rates, unit*float64(n)*float64(threads)/timed().Seconds())
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// measureRead is the median of bytes a second, every thread reading eight streams of its own.
func measureRead(run Runner, threads int) float64 {
	memory := make([]byte, ceilingMemory)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	each := ceilingMemory / threads / ceilingStreams &^ 4095
	var rates []float64
	for range ceilingRepeats {
		start := time.Now()
		run.Run(threads, func(i int) { active.readStreams(memory[i*each*ceilingStreams:], each, each) })
		rates = append(rates, float64(each*ceilingStreams*threads)/time.Since(start).Seconds())
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// readStreamsRef reads eight streams of n bytes, stride apart.
func readStreamsRef(x []byte, stride, n int) {
	sum := byte(0)
	for i := 0; i < n; i += 64 {
		for s := range ceilingStreams {
			sum |= x[s*stride+i]
		}
	}
	if sum == 0xff {
		panic("kernel: memory that was never written so")
	}
}
