package kernel

// rowWork is how many numbers one piece of a row-by-row loop should touch, so that handing it to another
// thread costs little beside it.
const rowWork = 16 << 10

// Alone says whether a loop over rows that touches work numbers is not worth other threads, or has none. A caller that
// is in a hurry then writes the loop out: the function that EachRow wants costs an allocation.
func Alone(run Runner, rows, work int) bool { return run == nil || min(rows, work/rowWork) < 2 }

// EachRow calls f for every row, spread over threads in pieces when work, the numbers touched, is enough. A nil
// Runner is the caller's own goroutine.
func EachRow(run Runner, rows, work int, f func(row int)) {
	pieces := min(rows, work/rowWork)
	if Alone(run, rows, work) {
		for i := range rows {
			f(i)
		}
		return
	}
	run.Run(pieces, func(p int) {
		for i := p * rows / pieces; i < (p+1)*rows/pieces; i++ {
			f(i)
		}
	})
}

// RoundRow rounds every number of x to the nearest bfloat16, in place.
func RoundRow(x []float32) {
	for i, v := range x {
		x[i] = BFloat16(RoundBFloat16(v))
	}
}
